import { blake3 } from '@napi-rs/blake-hash';
import { CHUNK_BYTES, DIGEST_BYTES, StorageError } from './storage.js';

/** The shared memory that chunks cross in: content, and its digest right behind. */
export class ChunkArena {
  readonly #memory: SharedArrayBuffer;

  constructor(memory: SharedArrayBuffer) {
    this.#memory = memory;
  }

  /**
   * Content of a slot.
   *
   * @throws {StorageError} `internal` if the slot does not lie in the arena.
   */
  content(offset: number, length: number): Buffer {
    const fits =
      Number.isSafeInteger(offset) &&
      offset >= 0 &&
      length >= 0 &&
      length <= CHUNK_BYTES &&
      offset + length + DIGEST_BYTES <= this.#memory.byteLength;
    if (fits) return Buffer.from(this.#memory, offset, length);
    throw new StorageError(
      'internal',
      `Cannot use ${length} bytes at ${offset} of the arena: expected a slot inside its ` +
        `${this.#memory.byteLength} bytes`,
    );
  }

  /** Writes the digest of the content behind it. */
  seal(offset: number, content: Buffer): void {
    this.#digest(offset, content).set(blake3(content));
  }

  /** Whether the content has the digest behind it. */
  isSound(offset: number, content: Buffer): boolean {
    return blake3(content).equals(this.#digest(offset, content));
  }

  #digest(offset: number, content: Buffer): Buffer {
    return Buffer.from(this.#memory, offset + content.length, DIGEST_BYTES);
  }
}
