/**
 * Memory for what a run will write. A virtual machine gets memory from its host where it is first
 * touched, at a fraction of the speed of memory that it has, and within seconds gives back what lies
 * free: that is not what is to be measured. So as many bytes are held in a file of their own, and given
 * up bit by bit just before the run takes them.
 */
import { closeSync, ftruncateSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** File system type of memory, as `statfs` has it. */
const TMPFS = 0x0102_1994;
const PIECE_BYTES = 1 << 20;
/** Given up ahead of what was taken: what is written in some ticks at many gigabits. */
const AHEAD_BYTES = 128 * PIECE_BYTES;
const TICK_MS = 20;

const freeBytes = (directory: string): number => {
  const { bfree, bsize } = statfsSync(directory);
  return bfree * bsize;
};

export class MemoryReserve {
  readonly #directory: string;
  readonly #path: string;
  readonly #bytes: number;
  readonly #file: number;
  readonly #freeBefore: number;
  readonly #timer: NodeJS.Timeout;
  #left: number;

  private constructor(directory: string, bytes: number) {
    this.#directory = directory;
    this.#path = join(directory, 'reserve');
    this.#bytes = bytes;
    this.#left = bytes;
    this.#file = openSync(this.#path, 'w');
    const piece = Buffer.alloc(PIECE_BYTES);
    for (let written = 0; written < bytes; written += PIECE_BYTES) writeSync(this.#file, piece);
    this.#freeBefore = freeBytes(directory);
    this.#timer = setInterval(() => this.#giveUp(), TICK_MS);
    this.#timer.unref();
  }

  /** Holds so many bytes for what will be written below the directory; null where that is no memory. */
  static hold(directory: string, bytes: number): MemoryReserve | null {
    return statfsSync(directory).type === TMPFS ? new MemoryReserve(directory, bytes) : null;
  }

  close(): void {
    clearInterval(this.#timer);
    closeSync(this.#file);
    rmSync(this.#path);
  }

  /** As much as was taken, and a little more. */
  #giveUp(): void {
    const givenUp = this.#bytes - this.#left;
    const taken = this.#freeBefore + givenUp - freeBytes(this.#directory);
    const left = Math.max(0, Math.min(this.#left, this.#bytes - taken - AHEAD_BYTES));
    if (left === this.#left) return;
    ftruncateSync(this.#file, left);
    this.#left = left;
  }
}

/** Runs something that writes so many bytes below the directory, with memory at hand for them. */
export async function withMemory<T>(
  directory: string,
  bytes: number,
  run: () => Promise<T>,
): Promise<T> {
  const reserve = MemoryReserve.hold(directory, bytes);
  try {
    return await run();
  } finally {
    reserve?.close();
  }
}
