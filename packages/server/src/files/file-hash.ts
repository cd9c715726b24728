/** Hashes of whole files: however many are asked for, the file is read once, and in steps. */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import type { HashType } from '@jetstream/contract';
import { Blake3Hasher } from '@napi-rs/blake-hash';
import { xxh3 } from '@node-rs/xxhash';
import type { HashRequest, Steps } from './file-task.js';
import { FILE_LIMITS } from './limits.js';

/** Hexadecimal digits of the 64-bit XXH3. */
const XXH3_DIGITS = 16;

interface Hasher {
  update(bytes: Buffer): void;
  /** Lower-case hex. */
  digest(): string;
}

/**
 * The ETag that S3 gives an upload in parts: the MD5 of the parts' MD5s and their number, or the
 * plain MD5 of an object of one part.
 */
class S3Hasher implements Hasher {
  readonly #partBytesMax: number;
  #part = createHash('md5');
  #partBytes = 0;
  /** The MD5 over the MD5s of the parts that are complete. */
  readonly #whole = createHash('md5');
  #parts = 0;

  constructor(partBytes: number) {
    this.#partBytesMax = partBytes;
  }

  update(bytes: Buffer): void {
    for (let at = 0; at < bytes.length; ) {
      // A full part is closed only when more follows: exactly one part is no upload in parts.
      if (this.#partBytes === this.#partBytesMax) this.#closePart();
      const end = Math.min(bytes.length, at + this.#partBytesMax - this.#partBytes);
      this.#part.update(at === 0 && end === bytes.length ? bytes : bytes.subarray(at, end));
      this.#partBytes += end - at;
      at = end;
    }
  }

  digest(): string {
    if (this.#parts === 0) return this.#part.digest('hex');
    this.#closePart();
    return `${this.#whole.digest('hex')}-${this.#parts}`;
  }

  #closePart(): void {
    this.#whole.update(this.#part.digest());
    this.#parts += 1;
    this.#part = createHash('md5');
    this.#partBytes = 0;
  }
}

const ofNode = (name: string): Hasher => {
  const hash = createHash(name);
  return { update: (bytes) => hash.update(bytes), digest: () => hash.digest('hex') };
};

const hasherOf = (type: HashType, partBytes: number): Hasher => {
  switch (type) {
    case 'MD5':
      return ofNode('md5');
    case 'SHA256':
      return ofNode('sha256');
    case 'S3':
      return new S3Hasher(partBytes);
    case 'BLAKE3': {
      const hasher = new Blake3Hasher();
      return { update: (bytes) => hasher.update(bytes), digest: () => hasher.digest('hex') };
    }
    case 'XXH3': {
      const hasher = xxh3.Xxh3.withSeed();
      return {
        update: (bytes) => hasher.update(bytes),
        digest: () => hasher.digest().toString(16).padStart(XXH3_DIGITS, '0'),
      };
    }
  }
};

/** One buffer per thread is enough: between two steps nothing of it is needed any more. */
let readBuffer: Buffer | null = null;

/**
 * Hashes of an open file in lower-case hex, in the order of the types.
 *
 * @param onBytes Called with the bytes of each read.
 */
export function* hashFile(
  fd: number,
  request: HashRequest,
  onBytes: (bytes: number) => void,
): Steps<string[]> {
  const hashers = request.types.map((type) => hasherOf(type, request.partBytes));
  readBuffer ??= Buffer.allocUnsafeSlow(FILE_LIMITS.hashReadBytes);
  const buffer = readBuffer;
  for (let position = 0; ; ) {
    const length = fs.readSync(fd, buffer, 0, buffer.length, position);
    if (length === 0) return hashers.map((hasher) => hasher.digest());
    const bytes = length === buffer.length ? buffer : buffer.subarray(0, length);
    for (const hasher of hashers) hasher.update(bytes);
    position += length;
    onBytes(length);
    yield;
  }
}

/** Open files to hash. Whoever gets them closes them. */
export interface HashBatch {
  readonly request: HashRequest;
  readonly fds: readonly number[];
}

/** Hashes of each file; null for one that could not be read. */
export type BatchHashes = readonly (readonly string[] | null)[];

function* hashesOrNull(
  fd: number,
  request: HashRequest,
  onBytes: (bytes: number) => void,
): Steps<string[] | null> {
  try {
    return yield* hashFile(fd, request, onBytes);
  } catch (error) {
    // The rest of a listing is still worth something.
    if (error instanceof Error && 'errno' in error) return null;
    throw error;
  }
}

/** Hashes files one after the other and closes them, also when it is stopped halfway. */
export function* hashBatch(
  { request, fds }: HashBatch,
  onBytes: (bytes: number) => void,
): Steps<BatchHashes> {
  const results: (string[] | null)[] = [];
  try {
    for (const fd of fds) {
      results.push(yield* hashesOrNull(fd, request, onBytes));
      fs.closeSync(fd);
    }
    return results;
  } finally {
    for (const fd of fds.slice(results.length)) fs.closeSync(fd);
  }
}
