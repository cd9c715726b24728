/**
 * A target that keeps nothing, for performance tests: it holds the sender to all its rules, verifies
 * each chunk, and throws it away. Nothing survives a break, and no file is ever reported as stored.
 */
import { type ErrorCode, isErrorCode } from '@jetstream/contract';
import { decodeTrailerBlock } from '@jetstream/transport';
import type { FileError } from '../data/data-plane.js';
import type { ReceiptHead } from '../receipts/receipt-format.js';
import { writeDraft } from '../receipts/receipt-writer.js';
import type { ChunkArena } from './chunk-arena.js';
import { ChunkSet } from './chunk-set.js';
import { EntryTable } from './entry-table.js';
import { FILE_ERRORS_MAX } from './limits.js';
import { totalsOf } from './open-target.js';
import { sourceFault } from './source-files.js';
import {
  CHUNK_BYTES,
  type ChunkRange,
  type ListTotals,
  type ReceiptDraft,
  StorageError,
  type Target,
  type TargetOptions,
  type TargetResult,
  type TargetState,
  type WriteOutcome,
} from './storage.js';
import { TargetEntries } from './target-entries.js';

/** No name of a sender begins like this: there are no part files. */
const NO_PART_PREFIX = '\u0000';

/** @see the head of this file */
export class DiscardTarget implements Target {
  readonly state: TargetState;
  readonly #arena: ChunkArena;
  readonly #table = new EntryTable();
  readonly #entries: TargetEntries;
  readonly #received = new ChunkSet();
  readonly #errors: FileError[] = [];
  #sinceCheckpoint = new ChunkSet();
  #recordsAt = 0;

  /** @param seed Of the path index; random, so that a sender cannot choose colliding names. */
  constructor(arena: ChunkArena, options: TargetOptions, seed: number) {
    this.#arena = arena;
    const totals = totalsOf(options);
    this.state = { durable: [], complete: null, totals, listedBytes: 0 };
    const places = { table: this.#table, totals, partPrefix: NO_PART_PREFIX };
    this.#entries = new TargetEntries({ ...places, seed, depth: options.components.length });
  }

  async addEntries(block: Uint8Array): Promise<{ endByte: number; files: number }> {
    for (const { error } of this.#entries.accept(block).refused) this.#fail(error);
    return { endByte: this.#table.bytes, files: this.#table.length };
  }

  async endEntries(totals: ListTotals): Promise<void> {
    this.#entries.end(totals);
  }

  async addTrailers(bytes: Uint8Array): Promise<void> {
    const block = decodeTrailerBlock(bytes);
    if ('fault' in block || block.firstIndex > this.#recordsAt) {
      throw new StorageError('peer_refused', "Cannot take the sender's file records: malformed");
    }
    block.items.forEach((record, offset) => {
      const index = block.firstIndex + offset;
      if (record.status !== 'bad' || index < this.#recordsAt || index >= this.#table.length) return;
      const code: ErrorCode = isErrorCode(record.code) ? record.code : 'io_error';
      this.#fail(sourceFault(`/${this.#table.pathText(index)}`, code));
    });
    this.#recordsAt = Math.max(this.#recordsAt, block.firstIndex + block.items.length);
  }

  async writeChunk(chunk: number, arenaOffset: number, length: number): Promise<WriteOutcome> {
    const content = this.#arena.content(arenaOffset, length);
    if (!this.#arena.isSound(arenaOffset, content)) return 'bad digest';
    this.#received.add(chunk);
    this.#sinceCheckpoint.add(chunk);
    return 'written';
  }

  async checkpoint(): Promise<readonly ChunkRange[]> {
    const ranges = this.#sinceCheckpoint.ranges();
    this.#sinceCheckpoint = new ChunkSet();
    return ranges;
  }

  async finish(): Promise<TargetResult> {
    const { files, bytes } = this.#entries.totals ?? { files: Infinity, bytes: Infinity };
    const chunks = Math.ceil(bytes / CHUNK_BYTES);
    const isWhole =
      this.#received.firstMissing(0) >= chunks &&
      this.#table.length === files &&
      this.#recordsAt === files;
    if (isWhole) return { fileErrors: [...this.#errors], verified: 'chunks' };
    throw new StorageError(
      'internal',
      `Cannot finish the transfer: ${this.#received.size} of ${chunks} chunks and ${this.#recordsAt} of ${files} records are here`,
    );
  }

  /** A receipt of nothing: no file is here. */
  writeReceipt(file: string, head: ReceiptHead): Promise<ReceiptDraft> {
    return writeDraft(file, head, []);
  }

  async suspend(): Promise<void> {}

  async discard(): Promise<void> {}

  #fail(error: FileError): void {
    if (this.#errors.length < FILE_ERRORS_MAX) this.#errors.push(error);
  }
}
