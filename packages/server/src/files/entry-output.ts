/**
 * The text of a listing on its way to the result. Files are hashed several at a time, but the text
 * keeps its order: what comes after a file that is still being hashed waits for it.
 */
import fs from 'node:fs';
import type { FileEntry } from '@jetstream/contract';
import type { HashRequest, Report, Steps } from './file-task.js';
import type { HashJob, HashPool } from './hash-pool.js';
import type { JsonSink } from './json-sink.js';
import { FILE_LIMITS } from './limits.js';

/** An entry that waits for its hashes. */
interface Slot {
  readonly separator: string;
  readonly entry: FileEntry;
  /** Null until there is an answer; empty when the file could not be read. */
  hashes: readonly string[] | null;
}

/** Files that were handed to the pool. */
interface RunningBatch {
  readonly slots: readonly Slot[];
  readonly job: HashJob;
}

export interface EntryOutputOptions {
  readonly sink: JsonSink;
  readonly hash: HashRequest | null;
  readonly pool: HashPool;
  readonly report: Report;
}

export class EntryOutput {
  readonly #options: EntryOutputOptions;
  readonly #waiting: (Slot | string)[] = [];
  readonly #batches = new Set<RunningBatch>();
  #next: { slot: Slot; fd: number }[] = [];
  #nextBytes = 0;
  #slotsWaiting = 0;
  #charactersWaiting = 0;
  #entries = 0;
  #hashedBytes = 0;
  #wake: () => void = () => {};

  constructor(options: EntryOutputOptions) {
    this.#options = options;
  }

  get hashes(): boolean {
    return this.#options.hash !== null;
  }

  /** Adds text that is no entry. */
  addText(text: string): void {
    if (this.#waiting.length === 0) {
      this.#options.sink.add(text);
      return;
    }
    this.#waiting.push(text);
    this.#charactersWaiting += text.length;
  }

  /**
   * Adds an entry.
   *
   * @param separator What comes before it.
   * @param fd The open file to be hashed, which now belongs to this; null hashes nothing.
   */
  *addEntry(separator: string, entry: FileEntry, fd: number | null): Steps<void> {
    if (fd === null) {
      this.addText(separator + JSON.stringify(entry));
      this.#entries += 1;
    } else {
      const slot: Slot = { separator, entry, hashes: null };
      this.#next.push({ slot, fd });
      this.#nextBytes += entry.size;
      this.#waiting.push(slot);
      this.#slotsWaiting += 1;
      const { hashBatchFilesMax, hashBatchBytes } = FILE_LIMITS;
      if (this.#nextBytes >= hashBatchBytes || this.#next.length >= hashBatchFilesMax) {
        this.#submit();
      }
    }
    this.#tell();
    const { hashFilesOpenMax, listAheadCharactersMax } = FILE_LIMITS;
    while (
      this.#slotsWaiting >= hashFilesOpenMax ||
      this.#charactersWaiting >= listAheadCharactersMax
    ) {
      yield* this.#await();
    }
    yield;
  }

  /** Waits for all hashes. */
  *finish(): Steps<void> {
    while (this.#waiting.length > 0) yield* this.#await();
  }

  /** Gives up what is not finished. */
  discard(): void {
    for (const { fd } of this.#next.splice(0)) fs.closeSync(fd);
    for (const { job } of this.#batches) job.cancel();
    this.#batches.clear();
  }

  *#await(): Steps<void> {
    this.#submit();
    const hasNews = ({ job }: RunningBatch) => job.results !== null || job.failure !== null;
    if (![...this.#batches].some(hasNews)) {
      yield new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    this.#collect();
    this.#tell();
  }

  #submit(): void {
    const { hash, pool } = this.#options;
    if (this.#next.length === 0 || hash === null) return;
    const taken = this.#next;
    this.#next = [];
    this.#nextBytes = 0;
    const fds = taken.map(({ fd }) => fd);
    const job = pool.submit({ request: hash, fds }, () => this.#wake());
    this.#batches.add({ slots: taken.map(({ slot }) => slot), job });
  }

  /** Takes in what the pool has finished, and passes on what waits for nothing any more. */
  #collect(): void {
    for (const batch of [...this.#batches]) {
      const { results, failure, hashedBytes } = batch.job;
      if (failure !== null) throw failure;
      if (results === null) continue;
      for (const [at, slot] of batch.slots.entries()) slot.hashes = results[at] ?? [];
      this.#hashedBytes += hashedBytes;
      this.#batches.delete(batch);
    }
    let at = 0;
    for (; at < this.#waiting.length; at += 1) {
      const next = this.#waiting[at] as Slot | string;
      if (typeof next === 'string') {
        this.#options.sink.add(next);
        this.#charactersWaiting -= next.length;
      } else if (next.hashes === null) {
        break;
      } else {
        this.#options.sink.add(next.separator + JSON.stringify(this.#hashed(next)));
        this.#slotsWaiting -= 1;
        this.#entries += 1;
      }
    }
    this.#waiting.splice(0, at);
  }

  #hashed({ entry, hashes }: Slot): FileEntry {
    const types = this.#options.hash?.types ?? [];
    const hash = hashes?.[0] ?? '';
    if (types.length < 2) return { ...entry, hash };
    const pairs = types.flatMap((type, at) => {
      const each = hashes?.[at];
      return each === undefined ? [] : [[type, each] as const];
    });
    return { ...entry, hash, hashes: Object.fromEntries(pairs) };
  }

  #tell(): void {
    let hashedBytes = this.#hashedBytes;
    for (const { job } of this.#batches) hashedBytes += job.hashedBytes;
    this.#options.report({ entries: this.#entries, hashedBytes });
  }
}
