/**
 * Feeds mutations of a kept corpus to one border of the server, and keeps what it learns.
 *
 * A corpus is a folder of inputs in `tests/fuzz/corpus`. In the short mode each input and a fixed
 * number of mutations run. With `JETSTREAM_FUZZ_MINUTES` all borders together run for that long; an
 * input with an outcome that none before had is added to the corpus, to be committed, and one that
 * breaks a rule is kept as `crash-…`, which every later run begins with.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Prng } from '@jetstream/testkit';
import { fuzzRuns, fuzzSeed } from './fuzz-run.js';

const CORPUS = fileURLToPath(new URL('./corpus', import.meta.url));
/** Longest answer to one input: more is a hang. */
const ANSWER_MS_MAX = 1000;
/** A machine that others keep busy may make anything slow once, but not again and again. */
const SLOW_REPEATS = 5;
const INPUT_BYTES_MAX = 70_000;
/** Inputs of a corpus; further finds are not kept. */
const CORPUS_INPUTS_MAX = 500;

/** A border: something that takes bytes from outside. */
export interface Border {
  /** Folder of its corpus. */
  readonly name: string;
  /** Runs in the short mode. */
  readonly runs: number;
  /** Pieces that mutations insert. */
  readonly words: readonly string[];
  /**
   * Takes one input; throws when a rule is broken.
   *
   * @returns What kind of outcome it was, in a few words.
   */
  feed(input: Uint8Array): Promise<string> | string;
}

const minutes = Number(process.env['JETSTREAM_FUZZ_MINUTES'] || 0);

/** Milliseconds for one of so many borders; 0 in the short mode. */
export const fuzzMs = (borders: number): number => (minutes * 60_000) / borders;

const nameOf = (input: Uint8Array): string =>
  createHash('sha256').update(input).digest('hex').slice(0, 16);

const readCorpus = (folder: string): Uint8Array[] => {
  mkdirSync(folder, { recursive: true });
  const names = readdirSync(folder).sort();
  return names.map((name) => new Uint8Array(readFileSync(join(folder, name))));
};

const mutate = (random: Prng, corpus: readonly Uint8Array[], words: readonly string[]) => {
  const pick = (): Uint8Array => corpus[random.below(corpus.length)] as Uint8Array;
  let bytes = Buffer.from(pick());
  for (let change = 1 + random.below(5); change > 0; change -= 1) {
    const at = random.below(bytes.length + 1);
    const length = random.below(Math.min(64, bytes.length - at + 1));
    const [before, cut, after] = [
      bytes.subarray(0, at),
      bytes.subarray(at, at + length),
      bytes.subarray(at + length),
    ];
    const word = Buffer.from(words[random.below(words.length)] ?? '');
    switch (random.below(7)) {
      case 0:
        if (at < bytes.length) bytes[at] = random.below(256);
        break;
      case 1:
        bytes = Buffer.concat([before, after]);
        break;
      case 2:
        bytes = Buffer.concat([before, cut, cut, cut, after]);
        break;
      case 3:
        bytes = Buffer.concat([before, word, after]);
        break;
      case 4:
        bytes = Buffer.concat([before, pick().subarray(at)]);
        break;
      case 5:
        bytes = Buffer.concat([before, Buffer.alloc(random.below(4000), word), cut, after]);
        break;
      default:
        bytes = before;
    }
  }
  return new Uint8Array(bytes.subarray(0, INPUT_BYTES_MAX));
};

/** Feeds an input, again when it was slow. @throws {Error} When it is slow every time. */
const feedInTime = async (border: Border, input: Uint8Array): Promise<string> => {
  let tookMs = 0;
  for (let attempt = 0; attempt < SLOW_REPEATS; attempt += 1) {
    const startMs = performance.now();
    const outcome = await border.feed(input);
    tookMs = performance.now() - startMs;
    if (tookMs <= ANSWER_MS_MAX) return outcome;
  }
  throw new Error(`an answer took ${Math.round(tookMs)} ms, expected at most ${ANSWER_MS_MAX}`);
};

/**
 * Runs a border for its share of the time.
 *
 * @returns How many inputs it took.
 * @throws {Error} With the file that holds the input which broke a rule.
 */
export const fuzz = async (border: Border, ms: number): Promise<number> => {
  const folder = join(CORPUS, border.name);
  const corpus = readCorpus(folder);
  const random = new Prng(ms > 0 ? Date.now() % 2 ** 31 : fuzzSeed);
  const outcomes = new Set<string>();
  const keep = (input: Uint8Array, prefix = ''): string => {
    const file = join(folder, `${prefix}${nameOf(input)}`);
    if (!existsSync(file)) writeFileSync(file, input);
    return file;
  };
  const take = async (input: Uint8Array): Promise<void> => {
    try {
      const outcome = await feedInTime(border, input);
      if (ms > 0 && !outcomes.has(outcome) && corpus.length < CORPUS_INPUTS_MAX) {
        corpus.push(input);
        keep(input);
      }
      outcomes.add(outcome);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new Error(`${keep(input, 'crash-')} breaks a rule: ${reason}`, { cause });
    }
  };
  let fed = 0;
  for (const input of [...corpus]) {
    await take(input);
    fed += 1;
  }
  const end = performance.now() + ms;
  const runs = ms > 0 ? Number.POSITIVE_INFINITY : fuzzRuns(border.runs);
  for (let run = 0; run < runs && (ms === 0 || performance.now() < end); run += 1) {
    await take(mutate(random, corpus, border.words));
    fed += 1;
    // What is fed without waiting must still let timers and the reporter have their turns.
    if (run % 64 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  return fed;
};
