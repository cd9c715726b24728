/** Lays records end to end in chunks of one size; each chunk has its own memory, to be given away. */
export class ChunkPacker {
  readonly #chunkBytes: number;
  #chunk: Buffer;
  #used = 0;

  constructor(chunkBytes: number) {
    this.#chunkBytes = chunkBytes;
    this.#chunk = Buffer.allocUnsafeSlow(chunkBytes);
  }

  /** Bytes that are free in the chunk. */
  get room(): number {
    return this.#chunkBytes - this.#used;
  }

  /** Yields the chunk when it has less room than `bytes`, which is at most a chunk. */
  *makeRoom(bytes: number): Generator<Uint8Array, void, undefined> {
    if (this.room >= bytes) return;
    const full = this.rest();
    if (full !== null) yield full;
  }

  /** The next bytes of the chunk, to be written by the caller; there is room for them. */
  take(bytes: number): Buffer {
    if (bytes > this.room) throw new Error(`${bytes} bytes were taken of ${this.room}`);
    const space = this.#chunk.subarray(this.#used, this.#used + bytes);
    this.#used += bytes;
    return space;
  }

  *add(record: Buffer): Generator<Uint8Array, void, undefined> {
    for (let at = 0; at < record.length; ) {
      yield* this.makeRoom(1);
      const piece = record.subarray(at, at + this.room);
      piece.copy(this.take(piece.length));
      at += piece.length;
    }
  }

  /** What is in the chunk, which is the caller's from now on; null when there is nothing. */
  rest(): Uint8Array | null {
    if (this.#used === 0) return null;
    const full = this.#chunk.subarray(0, this.#used);
    this.#chunk = Buffer.allocUnsafeSlow(this.#chunkBytes);
    this.#used = 0;
    return full;
  }
}
