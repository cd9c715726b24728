/**
 * One transfer being read, in the thread that calls.
 *
 * Whole-file digests follow one position in the linear space: all before it is hashed. A chunk that
 * is asked for at that position is hashed in the same pass; what was skipped or asked for out of
 * order is read again, in slices between requests, when the position comes to it. So trailer records
 * come out in file order and one hash state is enough. That state and the
 * records are kept, so an attempt after a break goes on at that position.
 *
 * The list may still be growing; then whoever asks for more entries than are durable waits.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { deflateRawSync } from 'node:zlib';
import type { TrailerRecord } from '@jetstream/transport';
import { EntryBlockWriter, TrailerBlockWriter, WIRE_KIND } from '@jetstream/transport';
import { blake3 } from '@napi-rs/blake-hash';
import { shownPath } from '../adapters/disk/disk-error.js';
import { pathBytes } from '../adapters/disk/path-argument.js';
import type { FileError } from '../data/data-plane.js';
import type { ReceiptHead } from '../receipts/receipt-format.js';
import { writeDraft } from '../receipts/receipt-writer.js';
import type { ChunkArena } from './chunk-arena.js';
import { ChunkSet } from './chunk-set.js';
import { BLOCK_DEFLATED } from './entry-codec.js';
import { type FileHasher, newFileHasher, resumeFileHasher } from './file-hasher.js';
import { isUnchanged } from './file-identity.js';
import type { HashPoint } from './hash-memory.js';
import { SourceDigests } from './source-digests.js';
import { SourceFiles } from './source-files.js';
import { type PlacedEntry, SourceList } from './source-list.js';
import { SourceProgress } from './source-progress.js';
import {
  CHUNK_BYTES,
  type ChunkRange,
  type EntryBlock,
  type ListTotals,
  type ReceiptDraft,
  type Source,
  type SourceOptions,
  StorageError,
  type TrailerBlock,
} from './storage.js';
import { type ReadableFiles, zeroFiles } from './zero-files.js';

/** Work of one turn between requests: so many bytes read, or so many files looked at. */
const TURN_BYTES = 1024 * 1024;
const TURN_FILES = 64;
/** Time between two looks at a list that grows. */
const LOOK_MS = 50;
/** Looks after which hashing begins anew rather than wait for the list. */
const LOOKS_AT_BEGIN = 600;

interface TrailerWaiter {
  resolve(block: TrailerBlock | null): void;
  reject(error: Error): void;
}

/** @see the head of this file */
export class LocalSource implements Source {
  readonly #list: SourceList;
  readonly #files: ReadableFiles;
  readonly #digests: SourceDigests;
  readonly #progress: SourceProgress;
  readonly #arena: ChunkArena;
  readonly #lookMs: number;
  /** Chunks that were read or will never be asked for. */
  readonly #seen = new ChunkSet();
  readonly #scratch = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  readonly #blocks: Uint8Array[] = [];
  readonly #waiters: TrailerWaiter[] = [];
  #isClosed = false;
  #entriesAt = 0;
  /** Rises with each rewind, so that calls from before are recognised. */
  #epoch = 0;
  /** The file that is being hashed, and how far. */
  #digestIndex = 0;
  #digestOffset = 0;
  #hasher: FileHasher | null = null;
  /** Records of an earlier attempt that are still to be told. */
  #earlier: { next: number; readonly end: number } = { next: 0, end: 0 };
  #trailers = new TrailerBlockWriter(0);
  #turn: NodeJS.Immediate | null = null;
  #failure: Error | null = null;

  /** @throws {CommandError | StorageError} If the list is missing or is another one. */
  constructor(arena: ChunkArena, options: SourceOptions) {
    this.#arena = arena;
    this.#list = SourceList.of(options);
    this.#lookMs = options.lookEveryMs ?? LOOK_MS;
    this.#files = options.reads === false ? zeroFiles() : new SourceFiles(this.#list);
    try {
      this.#digests = new SourceDigests(options.digestsPath);
    } catch (error) {
      this.#list.close();
      throw error;
    }
    this.#progress = new SourceProgress({
      digests: this.#digests,
      everyMs: options.keepEveryMs,
      point: () => this.#point(),
      failed: (error) => this.#end(error instanceof Error ? error : new Error(String(error))),
    });
  }

  /** Goes on where an earlier attempt was; call it once, before all else. */
  async begin(): Promise<void> {
    // After a restart the scan is still finding out what it had listed.
    for (let looks = 0; looks < LOOKS_AT_BEGIN && this.#list.isOpen; looks += 1) {
      if (this.#list.length >= this.#digests.keptEntries) break;
      await pause(this.#lookMs);
      this.#list.refresh();
    }
    if (this.#failure !== null) throw this.#failure;
    this.#resume();
    this.#progress.begun();
    this.#schedule();
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  async nextEntries(): Promise<EntryBlock | null> {
    const epoch = this.#epoch;
    while (this.#entriesAt >= this.#list.length) {
      if (!this.#list.isOpen) return null;
      this.#list.refresh();
      this.#announce();
      this.#schedule();
      if (this.#entriesAt < this.#list.length || !this.#list.isOpen) continue;
      await pause(this.#lookMs);
      if (this.#failure !== null) throw this.#failure;
      if (epoch !== this.#epoch) return null;
    }
    const writer = new EntryBlockWriter(this.#entriesAt);
    let endByte = 0;
    for (; this.#entriesAt < this.#list.length; this.#entriesAt += 1) {
      const entry = this.#list.at(this.#entriesAt);
      const { kind, size, mode, mtimeus } = entry;
      const path = pathBytes(entry.destPath);
      const link = entry.link === undefined ? {} : { link: pathBytes(entry.link) };
      if (!writer.add({ kind: WIRE_KIND[kind], path, size, mode, mtimeus, ...link })) break;
      endByte = entry.start + size;
    }
    const packed = deflateRawSync(writer.finish(), { level: 3 });
    const bytes = new Uint8Array(1 + packed.length);
    bytes[0] = BLOCK_DEFLATED;
    bytes.set(packed, 1);
    return { bytes, files: writer.count, endByte };
  }

  async totals(): Promise<ListTotals | null> {
    if (this.#list.isOpen) this.#list.refresh();
    const { isOpen, length: files, bytes } = this.#list;
    return isOpen ? null : { files, bytes };
  }

  rewind(): void {
    this.#epoch += 1;
    this.#entriesAt = 0;
    for (const { resolve } of this.#waiters.splice(0)) resolve(null);
    this.#digests.flush();
    this.#earlier = { next: 0, end: this.#digestIndex };
    this.#blocks.length = 0;
    this.#trailers = new TrailerBlockWriter(this.#digestIndex);
  }

  async readChunk(chunk: number, arenaOffset: number): Promise<number> {
    if (this.#failure !== null) throw this.#failure;
    const begin = chunk * CHUNK_BYTES;
    const length = Math.min(CHUNK_BYTES, this.#list.bytes - begin);
    // The last chunk is cut where the list ends, which must be known.
    const least = this.#list.isOpen ? CHUNK_BYTES : 1;
    if (!Number.isSafeInteger(chunk) || chunk < 0 || length < least) {
      throw new StorageError('internal', `Cannot read chunk ${chunk}: it is not there to be read`);
    }
    const content = this.#arena.content(arenaOffset, length);
    const inPass = this.#digestPosition() === begin;
    for (let at = 0; at < length; ) {
      const entry = this.#list.holding(begin + at);
      const offset = begin + at - entry.start;
      const piece = content.subarray(at, at + Math.min(entry.size - offset, length - at));
      const wasSound = this.#files.failure(entry) === undefined;
      const isSound = this.#files.read(entry, offset, piece);
      // Its good record may be with the receiver already, who would publish zeros.
      if (wasSound && !isSound && entry.index < this.#digestIndex) this.#refuseLate(entry);
      if (inPass) {
        while (this.#digestIndex < entry.index) this.#settle();
        this.#hash(entry, piece);
      }
      at += piece.length;
    }
    this.#arena.seal(arenaOffset, content);
    this.#seen.add(chunk);
    this.#announce();
    this.#schedule();
    return length;
  }

  skip(ranges: readonly ChunkRange[]): void {
    for (const range of ranges) this.#seen.addRange(range);
    this.#schedule();
  }

  nextTrailers(): Promise<TrailerBlock | null> {
    return new Promise((resolve, reject) => {
      this.#waiters.push({ resolve, reject });
      this.#announce();
      this.#schedule();
    });
  }

  async fileErrors(): Promise<readonly FileError[]> {
    return [...this.#files.errors];
  }

  writeReceipt(file: string, head: ReceiptHead): Promise<ReceiptDraft> {
    this.#digests.flush();
    return writeDraft(file, head, this.#digests.lines(this.#list));
  }

  async close(forgets = false): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#turn !== null) clearImmediate(this.#turn);
    this.#turn = null;
    if (this.#failure === null) this.#end(new StorageError('cancelled', 'The source is closed'));
    try {
      this.#progress.close(forgets);
    } finally {
      this.#files.close();
      this.#list.close();
    }
  }

  /** Goes on where an earlier attempt was, as far as its file is still the same. */
  #resume(): void {
    const { entries, bad, point } = this.#digests.kept(this.#list.length);
    for (const [index, code] of bad) this.#files.failedBefore(this.#list.at(index), code);
    this.#digestIndex = entries;
    this.#earlier = { next: 0, end: entries };
    this.#trailers = new TrailerBlockWriter(entries);
    if (point === null || point.state === null || entries >= this.#list.length) return;
    const entry = this.#list.at(entries);
    if (point.offset > entry.size) return;
    if (!isUnchanged(point.identity, this.#files.identity(entry))) return;
    this.#hasher = resumeFileHasher(point.state);
    if (this.#hasher !== null) this.#digestOffset = point.offset;
  }

  #point(): HashPoint {
    const state = this.#hasher?.state() ?? null;
    const at = { index: this.#digestIndex, isClosed: false };
    if (state === null) return { ...at, offset: 0, state, identity: null };
    const identity = this.#files.identity(this.#list.at(this.#digestIndex));
    return { ...at, offset: this.#digestOffset, state, identity };
  }

  #refuseLate(entry: PlacedEntry): never {
    const code = this.#files.failure(entry) ?? 'io_error';
    // The next attempt tells so, and goes on with the rest.
    this.#digests.set(entry.index, { status: 'bad', code });
    const failure = new StorageError(
      code,
      `Cannot send ${shownPath(entry.destPath)} again: it was read in full and has changed since`,
    );
    this.#end(failure);
    throw failure;
  }

  /** Linear position up to which everything is hashed. */
  #digestPosition(): number {
    if (this.#digestIndex >= this.#list.length) return this.#list.bytes;
    return this.#list.at(this.#digestIndex).start + this.#digestOffset;
  }

  #hash(entry: PlacedEntry, piece: Buffer): void {
    this.#digestOffset += piece.length;
    this.#progress.made();
    if (this.#files.failure(entry) === undefined) {
      if (piece.length === entry.size) {
        this.#record({ status: 'good', digest: blake3(piece) });
        return;
      }
      this.#hasher ??= newFileHasher();
      this.#hasher.update(piece);
    }
    if (this.#digestOffset === entry.size) this.#settle();
  }

  /** Writes the record of the file at the digest position, which is hashed in full or empty. */
  #settle(): void {
    const entry = this.#list.at(this.#digestIndex);
    if (entry.kind !== 'file') {
      this.#record({ status: 'none' });
      return;
    }
    if (entry.size === 0) this.#files.read(entry, 0, Buffer.alloc(0));
    const code = this.#files.failure(entry);
    if (code !== undefined) {
      this.#record({ status: 'bad', code });
    } else {
      const digest = this.#hasher?.digest() ?? blake3(Buffer.alloc(0));
      this.#record({ status: 'good', digest });
    }
    this.#files.release(entry);
  }

  #record(record: TrailerRecord): void {
    this.#digests.set(this.#digestIndex, record);
    this.#progress.made();
    if (!this.#trailers.add(record)) {
      this.#blocks.push(this.#trailers.finish());
      this.#trailers = new TrailerBlockWriter(this.#digestIndex);
      this.#trailers.add(record);
    }
    this.#digestIndex += 1;
    this.#digestOffset = 0;
    this.#hasher = null;
  }

  #announce(): void {
    while (this.#waiters.length > 0) {
      if (this.#failure !== null) {
        this.#waiters.shift()?.reject(this.#failure);
        continue;
      }
      let block = this.#earlierBlock() ?? this.#blocks.shift();
      if (block === undefined && this.#trailers.count > 0) {
        block = this.#trailers.finish();
        this.#trailers = new TrailerBlockWriter(this.#digestIndex);
      }
      if (block === undefined && (this.#list.isOpen || this.#digestIndex < this.#list.length)) {
        return;
      }
      this.#waiters.shift()?.resolve(block === undefined ? null : { bytes: block });
    }
  }

  #earlierBlock(): Uint8Array | undefined {
    const { next, end } = this.#earlier;
    if (next >= end) return undefined;
    const writer = new TrailerBlockWriter(next);
    for (const record of this.#digests.records(next, end)) {
      if (record === null || !writer.add(record)) break;
      this.#earlier.next += 1;
    }
    if (writer.count === 0) throw new StorageError('io_error', 'Cannot read the kept digests');
    return writer.finish();
  }

  /** Whether the digest can go on without a chunk that is still to be asked for. */
  #canGoOn(): boolean {
    if (this.#failure !== null || this.#digestIndex >= this.#list.length) return false;
    const entry = this.#list.at(this.#digestIndex);
    if (entry.size === 0) return true;
    return this.#seen.has(Math.floor(this.#digestPosition() / CHUNK_BYTES));
  }

  #schedule(): void {
    if (this.#turn !== null || !this.#canGoOn()) return;
    // Requests that wait in the event loop go first.
    this.#turn = setImmediate(() => {
      this.#turn = null;
      try {
        this.#catchUp();
      } catch (error) {
        this.#end(error instanceof Error ? error : new Error(String(error)));
      }
      this.#announce();
      this.#schedule();
    });
  }

  #catchUp(): void {
    let bytes = 0;
    for (let files = 0; files < TURN_FILES && bytes < TURN_BYTES && this.#canGoOn(); files += 1) {
      const entry = this.#list.at(this.#digestIndex);
      if (entry.size === 0) {
        this.#settle();
        continue;
      }
      const position = entry.start + this.#digestOffset;
      const chunkEnd = (Math.floor(position / CHUNK_BYTES) + 1) * CHUNK_BYTES;
      const length = Math.min(entry.size - this.#digestOffset, chunkEnd - position);
      const piece = this.#scratch.subarray(0, length);
      this.#files.read(entry, this.#digestOffset, piece);
      this.#hash(entry, piece);
      bytes += length;
    }
  }

  #end(failure: Error): void {
    this.#failure = failure;
    this.#announce();
  }
}
