/** What the tests of this folder share: a temporary world with a source tree and a target. */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { OVERWRITE_ALWAYS, pathBytesFromText, pathTextFromBytes } from '@jetstream/contract';
import { blake3 } from '@napi-rs/blake-hash';
import {
  RECEIPT_FORMAT,
  type ReceiptFile,
  type ReceiptHead,
  receiptFile,
} from '../receipts/receipt-format.js';
import type { ManifestEntry } from './list-format.js';
import { createLocalStorage } from './local-storage.js';
import { ManifestListWriter } from './manifest-list.js';
import {
  CHUNK_BYTES,
  SLOT_BYTES,
  type Source,
  type SourceOptions,
  type Storage,
  type Target,
  type TargetOptions,
  type TargetResult,
} from './storage.js';

const bytesOf = (text: string): Buffer => Buffer.from(pathBytesFromText(text) ?? []);

const made = new Map<string, Buffer>();

/** Content that differs everywhere, so that a piece in the wrong place shows. */
export const content = (size: number, seed = 1): Buffer => {
  const known = made.get(`${size} ${seed}`);
  if (known !== undefined) return known;
  const bytes = Buffer.alloc(size);
  made.set(`${size} ${seed}`, bytes);
  let state = (seed * 2_654_435_761) >>> 0 || 1;
  for (let at = 0; at < size; at += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[at] = state >>> 24;
  }
  return bytes;
};

/** Files (as content) and empty directories (null) by path below a directory. */
export type Tree = Record<string, Buffer | null>;

/** A tree as it can be compared: sizes and digests, in one order. */
export type Summary = Record<string, string>;

const summaryOf = (bytes: Buffer | null): string =>
  bytes === null ? 'directory' : `${bytes.length} ${blake3(bytes).toString('hex').slice(0, 12)}`;

/** Summary of a tree in memory. */
export const summary = (tree: Tree): Summary =>
  Object.fromEntries(
    Object.entries(tree)
      .map(([name, bytes]) => [name, summaryOf(bytes)] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );

const walk = (directory: Buffer, prefix: string, tree: Tree): void => {
  const names = fs.readdirSync(directory, { encoding: 'buffer' });
  if (names.length === 0 && prefix !== '') tree[prefix.slice(0, -1)] = null;
  for (const name of names) {
    const full = Buffer.concat([directory, Buffer.from('/'), name]);
    const text = `${prefix}${pathTextFromBytes(name)}`;
    if (fs.lstatSync(full).isDirectory()) walk(full, `${text}/`, tree);
    else tree[text] = fs.readFileSync(full);
  }
};

/** Summary of a directory. */
export const readTree = (directory: string): Summary => {
  const tree: Tree = {};
  walk(Buffer.from(directory), '', tree);
  return summary(tree);
};

/** Without what an unfinished transfer keeps. */
export const finalTree = (directory: string): Summary =>
  Object.fromEntries(
    Object.entries(readTree(directory)).filter(([name]) => !name.includes('.jetpart-')),
  );

const writeTree = (directory: string, tree: Tree): void => {
  for (const [name, bytes] of Object.entries(tree)) {
    const full = Buffer.concat([Buffer.from(`${directory}/`), bytesOf(name)]);
    const parent = full.subarray(0, full.lastIndexOf('/'));
    fs.mkdirSync(bytes === null ? full : parent, { recursive: true });
    if (bytes !== null) fs.writeFileSync(full, bytes);
  }
};

/**
 * Changes a file and gives it the times back that it had, to the nanosecond: those that pass through
 * `utimes` as seconds come back a microsecond off now and then, which is a change that shows.
 */
export const keepingTimes = (file: string, change: () => void): void => {
  const times = `${file}.times`;
  execFileSync('touch', ['-r', file, times]);
  change();
  execFileSync('touch', ['-r', times, file]);
  fs.rmSync(times);
};

export interface Flow {
  /** Order in which chunks go over; all in order when absent. */
  readonly order?: readonly number[];
  /** Called before each chunk is written, with its number and its bytes in the arena. */
  readonly onChunk?: (chunk: number, bytes: Uint8Array) => void | Promise<void>;
  /** Checkpoint after so many chunks. */
  readonly checkpointEvery?: number;
}

/** Memory where there is some: these tests sync thousands of times, and no disk likes that. */
const scratch = (): string => {
  try {
    fs.accessSync('/dev/shm', fs.constants.W_OK);
    const { bavail, bsize } = fs.statfsSync('/dev/shm');
    if (bavail * bsize > 200 * 1024 * 1024) return '/dev/shm';
  } catch {
    // The ordinary place does too.
  }
  return os.tmpdir();
};

/** A temporary world; `close` removes it. */
export class World {
  readonly base = fs.mkdtempSync(path.join(scratch(), 'storage-'));
  readonly source = path.join(this.base, 'source');
  readonly target = path.join(this.base, 'target');
  readonly journalDir = path.join(this.base, 'journal');
  /** What the sender keeps for its next attempt. */
  readonly keptDir = path.join(this.base, 'kept');
  readonly listPath = path.join(this.base, 'list');
  readonly arena = new SharedArrayBuffer(4 * SLOT_BYTES);
  storage: Storage = createLocalStorage({ arena: this.arena });
  totals = { totalFiles: 0, totalBytes: 0 };

  constructor() {
    fs.mkdirSync(this.source);
    fs.mkdirSync(this.target);
    fs.mkdirSync(this.journalDir);
    fs.mkdirSync(this.keptDir);
  }

  /** Writes the source tree and its list, in the order of the tree. */
  make(tree: Tree): void {
    fs.rmSync(this.source, { recursive: true, force: true });
    writeTree(this.source, tree);
    this.list(Object.keys(tree));
  }

  /** Writes a tree to the target, as what was there before. */
  fill(tree: Tree): void {
    writeTree(this.target, tree);
  }

  /** Lists paths below the source as the scanner does. */
  list(names: readonly string[]): void {
    this.writeList(
      names.map((name) => {
        const full = Buffer.concat([Buffer.from(`${this.source}/`), bytesOf(name)]);
        const stat = fs.lstatSync(full, { bigint: true });
        const kind = stat.isDirectory() ? 'directory' : stat.isFile() ? 'file' : 'link';
        return {
          kind,
          root: 0,
          source: name,
          destPath: `/${name}`,
          size: kind === 'file' ? Number(stat.size) : 0,
          mtimeus: Number(stat.mtimeNs / 1000n),
          mode: Number(stat.mode & 0o7777n),
          ...(kind === 'link' ? { link: fs.readlinkSync(full, 'utf8') } : {}),
        };
      }),
    );
  }

  writeList(entries: readonly ManifestEntry[]): void {
    const writer = ManifestListWriter.create(this.listPath, [this.source]);
    for (const entry of entries) writer.append(entry);
    const { entries: totalFiles, bytes: totalBytes } = writer.finish();
    this.totals = { totalFiles, totalBytes };
  }

  get chunks(): number {
    return Math.ceil(this.totals.totalBytes / CHUNK_BYTES);
  }

  openSource(more: Partial<SourceOptions> = {}): Promise<Source> {
    return this.storage.openSource({
      transferId: '00aa',
      digestsPath: path.join(this.keptDir, 'digests'),
      listPath: this.listPath,
      ...this.totals,
      ...more,
    });
  }

  openTarget(more: Partial<TargetOptions> = {}): Promise<Target> {
    return this.storage.openTarget({
      transferId: '0123456789abcdef0123456789abcdef',
      peerKeyId: 'feedbeeffeedbeef',
      journalDir: this.journalDir,
      root: this.target,
      components: [],
      overwriteMode: OVERWRITE_ALWAYS,
      ...this.totals,
      ...more,
    });
  }

  /** As after SIGKILL: nothing is closed, and what runs next knows nothing of it. */
  crash(): void {
    this.storage = createLocalStorage({ arena: this.arena });
  }

  close(): void {
    fs.rmSync(this.base, { recursive: true, force: true });
  }
}

export const sendEntries = async (source: Source, target: Target): Promise<void> => {
  for (let block = await source.nextEntries(); block; block = await source.nextEntries()) {
    expectEqual((await target.addEntries(block.bytes)).endByte, block.endByte);
  }
};

export const sendTrailers = async (source: Source, target: Target): Promise<void> => {
  for (let block = await source.nextTrailers(); block; block = await source.nextTrailers()) {
    await target.addTrailers(block.bytes);
  }
};

const expectEqual = (actual: number, expected: number): void => {
  if (actual !== expected) throw new Error(`the list ends at ${actual}, expected ${expected}`);
};

/** Sends what the target does not have yet. */
export const sendChunks = async (
  world: World,
  ends: { source: Source; target: Target },
  flow: Flow = {},
): Promise<void> => {
  const { source, target } = ends;
  source.skip(target.state.durable);
  const has = (chunk: number): boolean =>
    target.state.durable.some((range) => range.first <= chunk && chunk < range.end);
  const order = flow.order ?? [...Array(world.chunks).keys()];
  let sent = 0;
  for (const chunk of order.filter((each) => !has(each))) {
    const slot = (chunk % 4) * SLOT_BYTES;
    const length = await source.readChunk(chunk, slot);
    const bytes = new Uint8Array(world.arena, slot, length + 32);
    await flow.onChunk?.(chunk, bytes);
    let outcome = await target.writeChunk(chunk, slot, length);
    if (outcome === 'bad digest') {
      await source.readChunk(chunk, slot);
      outcome = await target.writeChunk(chunk, slot, length);
    }
    if (outcome !== 'written') throw new Error(`chunk ${chunk} was read twice and is still bad`);
    sent += 1;
    if (flow.checkpointEvery !== undefined && sent % flow.checkpointEvery === 0) {
      await target.checkpoint();
    }
  }
};

/** A head for receipts of these tests. */
export const receiptHead = (role: ReceiptHead['role']): ReceiptHead => {
  const server = { publicKey: '', serverId: 'id', serverUid: 'uid' };
  return {
    format: RECEIPT_FORMAT,
    ...{ role, transferId: '0123456789abcdef0123456789abcdef', destinationPath: '' },
    ...{ server, peer: { ...server, address: '192.0.2.1', port: 1 } },
    ...{ totalFiles: 0, totalBytes: 0, startTime: 1, endTime: 2, verified: 'chunks' },
  };
};

/** Lines of the receipt that a side writes, without its head and end. */
export const receiptFiles = async (
  world: World,
  side: Source | Target,
  role: ReceiptHead['role'],
): Promise<ReceiptFile[]> => {
  const file = path.join(world.base, `receipt-${role}`);
  await side.writeReceipt(file, receiptHead(role));
  const lines = fs.readFileSync(`${file}.new`, 'utf8').trimEnd().split('\n');
  fs.rmSync(`${file}.new`);
  return lines.slice(1, -1).map((line) => receiptFile.parse(JSON.parse(line)));
};

/** What both sides put into their receipts, and the result at the target. */
export interface TransferResult extends TargetResult {
  readonly files: readonly ReceiptFile[];
  readonly sent: readonly ReceiptFile[];
}

/** Everything from the first entry to the result. */
export const transfer = async (
  world: World,
  flow: Flow = {},
  options: Partial<TargetOptions> = {},
): Promise<TransferResult> => {
  const source = await world.openSource();
  const target = await world.openTarget(options);
  await sendEntries(source, target);
  await sendChunks(world, { source, target }, flow);
  await sendTrailers(source, target);
  const result = await target.finish();
  const files = await receiptFiles(world, target, 'receiver');
  const sent = await receiptFiles(world, source, 'sender');
  await source.close(true);
  await target.suspend();
  return { ...result, files, sent };
};
