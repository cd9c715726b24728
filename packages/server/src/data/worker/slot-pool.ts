/**
 * Arena slots of one chunk each. Last in, first out, so that a quiet worker keeps touching the same
 * few pages and the rest of the arena never becomes resident.
 */
export class SlotPool {
  readonly #free: number[] = [];
  readonly size: number;

  /** Slots of `slotBytes` from `start` on. */
  constructor(layout: { start: number; slotBytes: number; count: number }) {
    this.size = layout.count;
    for (let i = layout.count - 1; i >= 0; i -= 1) {
      this.#free.push(layout.start + i * layout.slotBytes);
    }
  }

  get freeCount(): number {
    return this.#free.length;
  }

  /** @returns Arena offset of a slot, -1 when all are taken. */
  acquire(): number {
    return this.#free.pop() ?? -1;
  }

  release(offset: number): void {
    this.#free.push(offset);
  }
}
