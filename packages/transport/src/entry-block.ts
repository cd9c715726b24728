/**
 * Bodies of the `entries` and `trailers` messages: pieces of a transfer's file list, and what became
 * of each file. Both carry the index of their first entry, so repeats and gaps show.
 *
 *     entries:  version u8 · count u16 · first varint · count × entry
 *     entry:    kind and sign u8 · mode varint · size varint · mtime varint · path varint + bytes,
 *               and for a link its text: varint + bytes
 *     trailers: version u8 · count u16 · first varint · count × record
 *     record:   0 (nothing to verify) | 1 · digest[32] | 2 · code length u8 · code
 *
 * Varints are seven bits a byte, low first, at most 2^53 - 1, and only in their shortest form, so
 * that equal lists have equal bytes. A decoder checks each length before it reads or allocates; what
 * it returns shares memory with its input.
 */
import { getU16, putU16 } from './bytes.js';

/** Encoded bytes of one block, at most. */
export const BLOCK_BYTES_MAX = 64 * 1024;
/** Bytes of a path on the wire, at most. */
export const WIRE_PATH_BYTES_MAX = 4096;
const VERSION = 1;
const DIGEST_BYTES = 32;
const FIRST_AT = 3;
const SIGN = 4;
const PERMISSION_BITS = 0o777;
const CODE = /^[a-z_]{1,40}$/;

/** Number on the wire of each kind of entry. */
export const WIRE_KIND = { file: 0, directory: 1, link: 2 } as const;
export type WireKind = (typeof WIRE_KIND)[keyof typeof WIRE_KIND];

/** One entry of a file list as it travels. */
export interface WireEntry {
  readonly kind: WireKind;
  /** Path as bytes; the receiver parses it as hostile text. */
  readonly path: Uint8Array;
  /** Content bytes; 0 for everything but files. */
  readonly size: number;
  /** Permission bits; all others are dropped at both ends. */
  readonly mode: number;
  /** Microseconds since the epoch, possibly negative. */
  readonly mtimeus: number;
  /** Text of a link, for links only; hostile like the path. */
  readonly link?: Uint8Array;
}

/** What became of one entry: `none` for what has no content to verify. */
export type TrailerRecord =
  | { readonly status: 'none' }
  | { readonly status: 'good'; readonly digest: Uint8Array }
  | { readonly status: 'bad'; readonly code: string };

/** A decoded block. */
export interface Block<Item> {
  readonly firstIndex: number;
  readonly items: readonly Item[];
}

/** Why bytes are no block. */
export interface BlockFault {
  readonly fault: string;
}

const varintBytes = (value: number): number => {
  let bytes = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes += 1;
  return bytes;
};

const putVarint = (bytes: Uint8Array, at: number, value: number): number => {
  let rest = value;
  let end = at;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) {
    bytes[end] = (rest % 0x80) | 0x80;
    end += 1;
  }
  bytes[end] = rest;
  return end + 1;
};

const checkText = (bytes: Uint8Array, what: string): void => {
  if (bytes.length > 0 && bytes.length <= WIRE_PATH_BYTES_MAX) return;
  throw new RangeError(
    `Cannot encode a ${what} of ${bytes.length} bytes: expected 1 to ${WIRE_PATH_BYTES_MAX}`,
  );
};

const textBytes = (bytes: Uint8Array): number => varintBytes(bytes.length) + bytes.length;

const putText = (bytes: Uint8Array, at: number, text: Uint8Array): number => {
  const start = putVarint(bytes, at, text.length);
  bytes.set(text, start);
  return start + text.length;
};

const checkCount = (value: number, what: string): void => {
  if (Number.isSafeInteger(value) && value >= 0) return;
  throw new RangeError(`Cannot encode the ${what} ${value}: expected a whole number below 2^53`);
};

/** Fills one block; the caller starts the next when it is full. */
class BlockWriter {
  readonly bytes = new Uint8Array(BLOCK_BYTES_MAX);
  at: number;
  #count = 0;

  constructor(firstIndex: number) {
    checkCount(firstIndex, 'index');
    this.bytes[0] = VERSION;
    this.at = putVarint(this.bytes, FIRST_AT, firstIndex);
  }

  get count(): number {
    return this.#count;
  }

  /** Whether another item of this size fits; if so it counts. */
  take(itemBytes: number): boolean {
    if (this.at + itemBytes > BLOCK_BYTES_MAX || this.#count === 0xffff) return false;
    this.#count += 1;
    return true;
  }

  finish(): Uint8Array {
    putU16(this.bytes, 1, this.#count);
    return this.bytes.slice(0, this.at);
  }
}

/** Collects entries up to one block. */
export class EntryBlockWriter {
  readonly #block: BlockWriter;

  /** @param firstIndex Index in the whole list of the first entry that is added. */
  constructor(firstIndex: number) {
    this.#block = new BlockWriter(firstIndex);
  }

  get count(): number {
    return this.#block.count;
  }

  /**
   * @returns False when the block is full and the entry belongs into the next one.
   * @throws {RangeError} If a number or the path cannot travel.
   */
  add(entry: WireEntry): boolean {
    const mtime = Math.abs(entry.mtimeus);
    checkCount(entry.size, 'size');
    checkCount(mtime, 'mtime');
    checkText(entry.path, 'path');
    const link = entry.kind === WIRE_KIND.link ? (entry.link ?? new Uint8Array(0)) : null;
    if (link !== null) checkText(link, 'link');
    const mode = entry.mode & PERMISSION_BITS;
    const numbers = varintBytes(mode) + varintBytes(entry.size) + varintBytes(mtime);
    const block = this.#block;
    const texts = textBytes(entry.path) + (link === null ? 0 : textBytes(link));
    if (!block.take(1 + numbers + texts)) return false;
    const { bytes } = block;
    bytes[block.at] = entry.kind | (entry.mtimeus < 0 ? SIGN : 0);
    let at = putVarint(bytes, block.at + 1, mode);
    at = putVarint(bytes, at, entry.size);
    at = putVarint(bytes, at, mtime);
    at = putText(bytes, at, entry.path);
    block.at = link === null ? at : putText(bytes, at, link);
    return true;
  }

  finish(): Uint8Array {
    return this.#block.finish();
  }
}

/** Collects trailer records up to one block. */
export class TrailerBlockWriter {
  readonly #block: BlockWriter;

  /** @param firstIndex Index in the file list of the first record that is added. */
  constructor(firstIndex: number) {
    this.#block = new BlockWriter(firstIndex);
  }

  get count(): number {
    return this.#block.count;
  }

  /**
   * @returns False when the block is full and the record belongs into the next one.
   * @throws {RangeError} If the digest has the wrong length or the code is no code.
   */
  add(record: TrailerRecord): boolean {
    if (record.status === 'none') return this.#put(0, new Uint8Array(0));
    if (record.status === 'good') {
      if (record.digest.length !== DIGEST_BYTES) {
        throw new RangeError(`Cannot encode a digest of ${record.digest.length} bytes`);
      }
      return this.#put(1, record.digest);
    }
    if (!CODE.test(record.code)) {
      throw new RangeError(`Cannot encode the error code ${JSON.stringify(record.code)}`);
    }
    const code = new Uint8Array(1 + record.code.length);
    code[0] = record.code.length;
    for (let index = 0; index < record.code.length; index += 1) {
      code[index + 1] = record.code.charCodeAt(index);
    }
    return this.#put(2, code);
  }

  finish(): Uint8Array {
    return this.#block.finish();
  }

  #put(status: number, content: Uint8Array): boolean {
    const block = this.#block;
    if (!block.take(1 + content.length)) return false;
    block.bytes[block.at] = status;
    block.bytes.set(content, block.at + 1);
    block.at += 1 + content.length;
    return true;
  }
}

/** Reads bounds-checked; after a fault every value is 0 and `fault` says why. */
class BlockReader {
  readonly #bytes: Uint8Array;
  #at = 0;
  fault: string | null = null;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    if (bytes.length > BLOCK_BYTES_MAX) this.fail('the block is too long');
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  fail(fault: string): void {
    this.fault ??= fault;
  }

  u8(): number {
    if (this.fault !== null || this.left < 1) {
      this.fail('the block is cut off');
      return 0;
    }
    this.#at += 1;
    return this.#bytes[this.#at - 1] as number;
  }

  u16(): number {
    const bytes = this.take(2);
    return bytes.length === 2 ? getU16(bytes, 0) : 0;
  }

  varint(): number {
    let value = 0;
    for (let scale = 1; scale <= 2 ** 49; scale *= 0x80) {
      const byte = this.u8();
      value += (byte & 0x7f) * scale;
      if (byte >= 0x80) continue;
      if (byte === 0 && scale > 1) this.fail('a number is not in its shortest form');
      if (!Number.isSafeInteger(value)) this.fail('a number is too large');
      return this.fault === null ? value : 0;
    }
    this.fail('a number is too long');
    return 0;
  }

  take(length: number): Uint8Array {
    if (this.fault !== null || this.left < length) {
      this.fail('the block is cut off');
      return new Uint8Array(0);
    }
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }
}

const decodeBlock = <Item>(
  bytes: Uint8Array,
  readItem: (reader: BlockReader) => Item,
): Block<Item> | BlockFault => {
  const reader = new BlockReader(bytes);
  if (reader.u8() !== VERSION) reader.fail('the version is unknown');
  const count = reader.u16();
  const firstIndex = reader.varint();
  if (!Number.isSafeInteger(firstIndex + count)) reader.fail('the first index is too large');
  const items: Item[] = [];
  while (items.length < count && reader.fault === null) items.push(readItem(reader));
  if (reader.left > 0) reader.fail('there is something behind the last item');
  return reader.fault === null ? { firstIndex, items } : { fault: reader.fault };
};

const readEntry = (reader: BlockReader): WireEntry => {
  const head = reader.u8();
  const kind = head & ~SIGN;
  if (kind > WIRE_KIND.link) reader.fail('the kind of an entry is unknown');
  const mode = reader.varint();
  if (mode > PERMISSION_BITS) reader.fail('a mode holds more than permission bits');
  const size = reader.varint();
  if (kind !== WIRE_KIND.file && size !== 0) reader.fail('something that is no file has a size');
  const mtime = reader.varint();
  if (mtime === 0 && head >= SIGN) reader.fail('a number is not in its shortest form');
  const path = readText(reader);
  const mtimeus = head >= SIGN ? -mtime : mtime;
  const entry = { kind: kind as WireKind, path, size, mode, mtimeus };
  return kind === WIRE_KIND.link ? { ...entry, link: readText(reader) } : entry;
};

const readText = (reader: BlockReader): Uint8Array => {
  const length = reader.varint();
  if (length === 0 || length > WIRE_PATH_BYTES_MAX) reader.fail('the length of a path is wrong');
  return reader.take(length);
};

const readRecord = (reader: BlockReader): TrailerRecord => {
  const status = reader.u8();
  if (status === 0) return { status: 'none' };
  if (status === 1) return { status: 'good', digest: reader.take(DIGEST_BYTES) };
  if (status !== 2) reader.fail('the status of a file is unknown');
  const code = String.fromCharCode(...reader.take(reader.u8()));
  if (!CODE.test(code)) reader.fail('an error code is malformed');
  return { status: 'bad', code };
};

/** Decodes a piece of the file list. Hostile input: a fault is an expected outcome. */
export const decodeEntryBlock = (bytes: Uint8Array): Block<WireEntry> | BlockFault =>
  decodeBlock(bytes, readEntry);

/** Decodes trailer records. Hostile input: a fault is an expected outcome. */
export const decodeTrailerBlock = (bytes: Uint8Array): Block<TrailerRecord> | BlockFault =>
  decodeBlock(bytes, readRecord);
