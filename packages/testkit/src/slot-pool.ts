/** Arena slots for chunks, which notices a slot given out or given back twice. */
import { CHUNK_BYTES, DIGEST_BYTES } from './chunk-content.js';

/** Bytes from one slot to the next. */
export const SLOT_BYTES = CHUNK_BYTES + 2 * DIGEST_BYTES;

/** Slots of one arena. */
export class SlotPool {
  readonly #first: number;
  readonly #free: number[] = [];
  readonly #taken = new Set<number>();
  #most = 0;

  /** @param first Offset of the first slot in the arena. */
  constructor(first: number, count: number) {
    this.#first = first;
    for (let i = count - 1; i >= 0; i -= 1) this.#free.push(first + i * SLOT_BYTES);
  }

  get taken(): number {
    return this.#taken.size;
  }
  get free(): number {
    return this.#free.length;
  }
  /** Most slots that were taken at once. */
  get most(): number {
    return this.#most;
  }

  /** @returns The offset of a slot; -1 when none is free. */
  acquire(): number {
    const offset = this.#free.pop();
    if (offset === undefined) return -1;
    this.#taken.add(offset);
    this.#most = Math.max(this.#most, this.#taken.size);
    return offset;
  }

  /** @throws {Error} If the slot is not taken. */
  release(offset: number): void {
    if (!this.#taken.delete(offset)) {
      const slot = (offset - this.#first) / SLOT_BYTES;
      throw new Error(`Cannot release slot "${slot}": it is not taken`);
    }
    this.#free.push(offset);
  }
}
