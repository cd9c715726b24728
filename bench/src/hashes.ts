/**
 * Hashes of files in listings, beside the libraries that compute them.
 *
 * Usage: bench/hashes [--size-mb 512] [--data-dir /dev/shm] [--dry]
 *
 * The server lists two files per core, each of the given size. Its speed per core is bytes by CPU
 * seconds of the whole server process, so that other programs on the machine do not count. The same
 * library in this process hashes as many bytes from memory, and again while it reads such a file; and the
 * file is read alone. The library's time and that of reading add up to the least that a file can take:
 * its bytes are copied from the page cache by the same core, which for fast hashes takes longer than the
 * hash.
 */
import { createHash } from 'node:crypto';
import { closeSync, mkdirSync, openSync, readSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Api } from '@jetstream/client';
import { HASH_TYPES, type HashType } from '@jetstream/contract';
import { Blake3Hasher } from '@napi-rs/blake-hash';
import { xxh3 } from '@node-rs/xxhash';
import { writeRandomFile } from '../../scripts/dist/sample-tree.js';
import { connectTo } from '../../scripts/dist/server-client.js';
import { startServer } from '../../scripts/dist/server-process.js';
import { cpuSeconds } from './process-meter.js';
import { recordSection, type Verdict } from './results-file.js';
import { format, median, table } from './statistics.js';
import { countOf, MEMORY_DIRECTORY, note, openWorkplace, runMain } from './workplace.js';

const SHARE_MIN = 90;
const ROUNDS = 5;
/** As the server reads. */
const READ_BYTES = 262_144;
const MB = 1e6;

const { values } = parseArgs({
  options: {
    'size-mb': { type: 'string', default: '512' },
    'data-dir': { type: 'string', default: MEMORY_DIRECTORY },
    dry: { type: 'boolean', default: false },
  },
});

interface Hasher {
  update(bytes: Buffer): unknown;
}

interface Row {
  readonly type: string;
  /** All in megabytes by CPU second. */
  readonly fromMemory: number;
  readonly fromFile: number;
  /** The file is only read. */
  readonly reading: number;
  readonly server: number;
  /** Megabytes by second, all cores together. */
  readonly together: number;
}

/** S3 is MD5 with a few digests more. */
function hasherOf(type: HashType): Hasher {
  if (type === 'BLAKE3') return new Blake3Hasher();
  if (type === 'XXH3') return xxh3.Xxh3.withSeed();
  return createHash(type === 'SHA256' ? 'sha256' : 'md5');
}

/** Megabytes by CPU second of this process. */
function speedOf(bytes: number, work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return bytes / MB / ((user + system) / 1e6);
}

function fromMemory(type: HashType, bytes: number): number {
  const buffer = Buffer.alloc(READ_BYTES, 7);
  const hasher = hasherOf(type);
  return speedOf(bytes, () => {
    for (let done = 0; done < bytes; done += buffer.length) hasher.update(buffer);
  });
}

/** Reads a file as the server does. */
function fromFile(hasher: Hasher, path: string, bytes: number): number {
  const buffer = Buffer.alloc(READ_BYTES);
  const fd = openSync(path, 'r');
  const speed = speedOf(bytes, () => {
    for (;;) {
      const length = readSync(fd, buffer, 0, buffer.length, null);
      if (length === 0) return;
      hasher.update(length === buffer.length ? buffer : buffer.subarray(0, length));
    }
  });
  closeSync(fd);
  return speed;
}

interface Work {
  readonly api: Api;
  readonly pid: number;
  readonly directory: string;
  readonly files: number;
  readonly bytesEach: number;
}

async function server(work: Work, types: HashType[]): Promise<{ speed: number; together: number }> {
  const { api, pid, directory, files, bytesEach } = work;
  const bytes = files * bytesEach;
  const cpuBefore = cpuSeconds(pid);
  const startMs = performance.now();
  const listed = await api.server.ls(directory, { calculateHashType: types });
  const seconds = (performance.now() - startMs) / 1000;
  const cpu = cpuSeconds(pid) - cpuBefore;
  if (listed.files.some(({ hash }) => hash === '')) throw new Error('a file has no hash');
  return { speed: bytes / MB / cpu, together: bytes / MB / seconds };
}

async function benchType(work: Work, type: HashType): Promise<Row> {
  const { directory, bytesEach } = work;
  const rounds: Row[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const { speed, together } = await server(work, [type]);
    rounds.push({
      type,
      fromMemory: fromMemory(type, bytesEach),
      fromFile: fromFile(hasherOf(type), join(directory, '0'), bytesEach),
      reading: fromFile({ update: () => undefined }, join(directory, '0'), bytesEach),
      server: speed,
      together,
    });
  }
  const of = (pick: (row: Row) => number): number => median(rounds.map(pick));
  const row = {
    type,
    fromMemory: of((each) => each.fromMemory),
    fromFile: of((each) => each.fromFile),
    reading: of((each) => each.reading),
    server: of((each) => each.server),
    together: of((each) => each.together),
  };
  note(`${type}: ${format(row.server)} MB/s per core, library ${format(row.fromMemory)} MB/s`);
  return row;
}

const share = (part: number, whole: number): number => (100 * part) / whole;

/** Speed of hashing and reading one after the other on one core. */
const least = ({ fromMemory: hashing, reading }: Row): number => 1 / (1 / hashing + 1 / reading);

/** Three readings of the same target: what a file costs besides its hash is ours to save or not. */
const verdictsOf = (row: Row): Verdict[] =>
  (
    [
      ["the library's from memory", row.fromMemory],
      ["the library's that reads the same file", row.fromFile],
      ["the library's from memory and reading alone, added up", least(row)],
    ] as const
  ).map(([whose, speed]) => ({
    what: `hash ${row.type}: speed per core, of ${whose}`,
    target: `>= ${SHARE_MIN} %`,
    measured: `${format(share(row.server, speed))} %, ${format(row.server)} MB/s`,
    met: share(row.server, speed) >= SHARE_MIN,
  }));

await runMain(async () => {
  const sizeMb = countOf('size-mb', values['size-mb']);
  const work = await openWorkplace(values['data-dir']);
  const directory = join(work, 'files');
  mkdirSync(directory);
  const files = 2 * availableParallelism();
  const bytesEach = sizeMb * MB;
  for (let at = 0; at < files; at += 1) {
    await writeRandomFile(join(directory, String(at)), bytesEach, at);
  }
  const running = await startServer({ name: 'hashes', directory: join(work, 'server') });
  const api = await connectTo(running);
  const whole = { api, pid: running.ready.pid, directory, files, bytesEach };
  // The threads start with the first work.
  await server(whole, ['XXH3']);
  const rows: Row[] = [];
  for (const type of HASH_TYPES) rows.push(await benchType(whole, type));
  const all = await server(whole, [...HASH_TYPES]);
  await api.close();
  await running.stop();
  const body = `${table<Row>(
    [
      ['hash', ({ type }) => type],
      ['library, from memory', (row) => format(row.fromMemory)],
      ['library, reading a file', (row) => format(row.fromFile)],
      ['reading alone', (row) => format(row.reading)],
      ['hash and reading added up', (row) => format(least(row))],
      ['server', (row) => format(row.server)],
      ['of memory, %', (row) => format(share(row.server, row.fromMemory))],
      ['of the library reading, %', (row) => format(share(row.server, row.fromFile))],
      ['of both added up, %', (row) => format(share(row.server, least(row)))],
      ['all cores together, MB/s', (row) => format(row.together)],
    ],
    rows,
  )}\n\nMB by CPU second, medians of ${ROUNDS}. All five hashes from one reading: ${format(all.speed)} MB by CPU second. The core that hashes a file also copies it from the page cache; hash and reading added up are what one core can do with a file.`;
  process.stdout.write(`${body}\n`);
  if (values.dry) return;
  recordSection({
    id: '5 hashes',
    title: 'Hashes of files',
    settings: `\`bench/hashes --size-mb ${sizeMb}\`; ${files} files in ${values['data-dir']}, read from the page cache.`,
    verdicts: rows.flatMap(verdictsOf),
    body,
  });
});
