/**
 * Hashes received files whole, so that a file is published only when its content is what the sender
 * read. As in the source, one position in the linear space moves on: chunks that arrive there are
 * hashed from memory, others are read back when it comes to them, in slices between requests. What
 * is settled already (hashed, published, failed) is passed over.
 */
import { blake3 } from '@napi-rs/blake-hash';
import type { ChunkSet } from './chunk-set.js';
import { ENTRY, type EntryTable } from './entry-table.js';
import { type FileHasher, newFileHasher, resumeFileHasher } from './file-hasher.js';
import { CHUNK_BYTES } from './storage.js';

const TURN_BYTES = 1024 * 1024;
const TURN_FILES = 64;
const PASSED = ENTRY.failed | ENTRY.ready | ENTRY.published | ENTRY.hashed;

/** A place inside a file up to which it was hashed, and the state of the hash there. */
export interface VerifierPoint {
  readonly index: number;
  readonly offset: number;
  readonly state: Uint8Array;
}

/** What the verifier needs of the target. */
export interface VerifierPorts {
  readonly table: EntryTable;
  /** Chunks that are written. */
  readonly written: ChunkSet;
  /** Reads back; false when the file has failed thereby. */
  read(index: number, offset: number, into: Buffer): boolean;
  hashed(index: number, digest: Uint8Array): void;
}

/** @see the head of this file */
export class TargetVerifier {
  readonly #ports: VerifierPorts;
  #index = 0;
  #offset = 0;
  #hasher: FileHasher | null = null;
  #scratch: Buffer | null = null;
  /** Where an earlier attempt was; used when the position comes to its file. */
  #earlier: VerifierPoint | null;

  constructor(ports: VerifierPorts, earlier: VerifierPoint | null) {
    this.#ports = ports;
    this.#earlier = earlier;
    this.#enter();
  }

  /** What a later attempt can go on from; null at the start of a file, or where nothing can be kept. */
  get point(): VerifierPoint | null {
    const state = this.#hasher?.state() ?? null;
    return state === null ? null : { index: this.#index, offset: this.#offset, state };
  }

  /** Whether all entries so far are behind it. */
  get isDone(): boolean {
    return this.#index >= this.#ports.table.length;
  }

  /** Whether a chunk that starts at this linear byte can be hashed from memory. */
  isAt(linear: number): boolean {
    const { table } = this.#ports;
    while (!this.isDone && this.#isPassed()) this.#next();
    return !this.isDone && table.start(this.#index) + this.#offset === linear;
  }

  /** Takes the next piece of a file, when {@link isAt} was true for its chunk. */
  take(index: number, piece: Buffer): void {
    const { table, hashed } = this.#ports;
    while (this.#index < index) this.#settle();
    this.#offset += piece.length;
    if (table.is(index, PASSED)) {
      if (this.#offset === table.size(index)) this.#next();
    } else if (piece.length === table.size(index)) {
      const digest = blake3(piece);
      this.#next();
      hashed(index, digest);
    } else {
      this.#hasher ??= newFileHasher();
      this.#hasher.update(piece);
      if (this.#offset === table.size(index)) this.#settle();
    }
  }

  /** Whether there is work that needs no further chunk. */
  get canGoOn(): boolean {
    if (this.isDone) return false;
    if (this.#isPassed()) return true;
    const { table, written } = this.#ports;
    const position = table.start(this.#index) + this.#offset;
    return table.size(this.#index) === 0 || written.has(Math.floor(position / CHUNK_BYTES));
  }

  /** One turn of work. */
  catchUp(): void {
    const { table } = this.#ports;
    let bytes = 0;
    for (let files = 0; files < TURN_FILES && bytes < TURN_BYTES && this.canGoOn; files += 1) {
      const index = this.#index;
      if (this.#isPassed()) {
        this.#next();
      } else if (table.size(index) === 0) {
        this.#settle();
      } else {
        bytes += this.#readBack(index);
      }
    }
  }

  #readBack(index: number): number {
    const { table, read } = this.#ports;
    const position = table.start(index) + this.#offset;
    const chunkEnd = (Math.floor(position / CHUNK_BYTES) + 1) * CHUNK_BYTES;
    const length = Math.min(table.size(index) - this.#offset, chunkEnd - position);
    this.#scratch ??= Buffer.allocUnsafeSlow(CHUNK_BYTES);
    const piece = this.#scratch.subarray(0, length);
    if (read(index, this.#offset, piece)) this.take(index, piece);
    return length;
  }

  /** The whole entry at the position is settled, whatever of it was hashed. */
  #isPassed(): boolean {
    return this.#ports.table.is(this.#index, PASSED);
  }

  #settle(): void {
    const index = this.#index;
    const digest = this.#hasher?.digest() ?? blake3(Buffer.alloc(0));
    const isPassed = this.#isPassed();
    this.#next();
    if (!isPassed) this.#ports.hashed(index, digest);
  }

  #next(): void {
    this.#index += 1;
    this.#offset = 0;
    this.#hasher = null;
    this.#enter();
  }

  /** Goes on inside the file that an earlier attempt did not finish. */
  #enter(): void {
    if (this.#earlier === null || this.#earlier.index !== this.#index) return;
    this.#hasher = resumeFileHasher(this.#earlier.state);
    if (this.#hasher !== null) this.#offset = this.#earlier.offset;
    this.#earlier = null;
  }
}
