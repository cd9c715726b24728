/**
 * The entries of a transfer that is received, as columns: about 120 bytes each, no object per file.
 * Paths are canonical: validated components joined by `/`, relative to the transfer's destination.
 */
import { pathTextFromBytes } from '@jetstream/contract';
import { DIGEST_BYTES } from './storage.js';

/** Bytes of all paths of one transfer, at most. */
export const PATH_POOL_BYTES_MAX = 1024 * 1024 * 1024;

/** What is known of an entry; bits of `flags`. */
export const ENTRY = {
  /** A good record (or `none`) of the sender is here; the digest column holds it. */
  recorded: 1,
  /** All content was hashed; without `recorded` the digest column holds the result. */
  hashed: 2,
  /** Will not be published; its data is thrown away. */
  failed: 4,
  /** Content and record agree: to be published at the next checkpoint. */
  ready: 8,
  published: 16,
  /** Its file was made by this transfer, so it may be opened again. */
  begun: 32,
  /** Its content has its final size and times. */
  sealed: 64,
} as const;

/** Text of a path's bytes; most are ASCII and need no look at each character. */
export const pathTextOf = (path: Uint8Array): string => {
  for (const byte of path) if (byte >= 0x80) return pathTextFromBytes(path);
  return Buffer.from(path.buffer, path.byteOffset, path.length).toString('latin1');
};

interface NewEntry {
  readonly kind: number;
  readonly path: Uint8Array;
  readonly size: number;
  readonly mode: number;
  readonly mtimeus: number;
  readonly link?: Uint8Array;
}

interface Columns {
  /** Where each path begins in the pool; one more at the end. */
  readonly pathStarts: Uint32Array;
  /** Linear start of each entry; one more at the end. */
  readonly starts: Float64Array;
  readonly mtimes: Float64Array;
  /** Permission bits, and the kind above them. */
  readonly modes: Uint16Array;
  readonly flags: Uint8Array;
  readonly digests: Uint8Array;
}

const columns = (capacity: number): Columns => ({
  pathStarts: new Uint32Array(capacity + 1),
  starts: new Float64Array(capacity + 1),
  mtimes: new Float64Array(capacity),
  modes: new Uint16Array(capacity),
  flags: new Uint8Array(capacity),
  digests: new Uint8Array(capacity * DIGEST_BYTES),
});

/** @see the head of this file */
export class EntryTable {
  #length = 0;
  #capacity = 1024;
  #columns = columns(this.#capacity);
  #pool = new Uint8Array(64 * 1024);
  /** Texts of links by entry; few transfers have many. */
  readonly #links = new Map<number, Uint8Array>();
  #linkBytes = 0;

  get length(): number {
    return this.#length;
  }

  /** Linear bytes of all entries so far. */
  get bytes(): number {
    return this.#columns.starts[this.#length] as number;
  }

  /** Bytes of all paths so far, texts of links included. */
  get pathBytes(): number {
    return this.#poolBytes + this.#linkBytes;
  }

  get #poolBytes(): number {
    return this.#columns.pathStarts[this.#length] as number;
  }

  /** Adds an entry and returns its index. */
  add(entry: NewEntry): number {
    const index = this.#length;
    const pathStart = this.#poolBytes;
    const { bytes } = this;
    if (entry.link !== undefined) {
      this.#links.set(index, entry.link.slice());
      this.#linkBytes += entry.link.length;
    }
    this.#reserve(pathStart + entry.path.length);
    this.#pool.set(entry.path, pathStart);
    const { pathStarts, starts, mtimes, modes } = this.#columns;
    pathStarts[index + 1] = pathStart + entry.path.length;
    starts[index + 1] = bytes + entry.size;
    mtimes[index] = entry.mtimeus;
    modes[index] = entry.mode | (entry.kind << 9);
    this.#length = index + 1;
    return index;
  }

  path(index: number): Uint8Array {
    const { pathStarts } = this.#columns;
    return this.#pool.subarray(pathStarts[index], pathStarts[index + 1]);
  }

  /** Path as text, without a slash in front. */
  pathText(index: number): string {
    return pathTextOf(this.path(index));
  }

  /** Text of a link. */
  linkText(index: number): string {
    return pathTextOf(this.#links.get(index) ?? new Uint8Array(0));
  }

  kind(index: number): number {
    return (this.#columns.modes[index] as number) >> 9;
  }

  mode(index: number): number {
    return (this.#columns.modes[index] as number) & 0o777;
  }

  start(index: number): number {
    return this.#columns.starts[index] as number;
  }

  size(index: number): number {
    return (this.#columns.starts[index + 1] as number) - this.start(index);
  }

  mtimeus(index: number): number {
    return this.#columns.mtimes[index] as number;
  }

  /** Whether any of these bits of {@link ENTRY} is set. */
  is(index: number, bits: number): boolean {
    return ((this.#columns.flags[index] as number) & bits) !== 0;
  }

  set(index: number, bits: number): void {
    this.#columns.flags[index] = (this.#columns.flags[index] as number) | bits;
  }

  unset(index: number, bits: number): void {
    this.#columns.flags[index] = (this.#columns.flags[index] as number) & ~bits;
  }

  /** View of the digest column. */
  digest(index: number): Uint8Array {
    return this.#columns.digests.subarray(index * DIGEST_BYTES, (index + 1) * DIGEST_BYTES);
  }

  /** The file that holds the linear byte; one below `bytes`. */
  holding(linear: number): number {
    let low = 0;
    let high = this.#length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (this.start(middle) <= linear) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  #reserve(poolBytes: number): void {
    if (poolBytes > this.#pool.length) {
      const pool = new Uint8Array(Math.max(poolBytes, this.#pool.length * 2));
      pool.set(this.#pool);
      this.#pool = pool;
    }
    if (this.#length < this.#capacity) return;
    this.#capacity *= 2;
    const grown = columns(this.#capacity);
    for (const name of Object.keys(grown) as (keyof Columns)[]) {
      grown[name].set(this.#columns[name]);
    }
    this.#columns = grown;
  }
}
