import type { ChunkRange } from './storage.js';

/** A set of whole numbers, kept as merged, sorted, half-open ranges: small when they are dense. */
export class ChunkSet {
  readonly #ranges: { first: number; end: number }[] = [];
  #size = 0;

  constructor(ranges: readonly ChunkRange[] = []) {
    for (const range of ranges) this.addRange(range);
  }

  /** How many numbers are in. */
  get size(): number {
    return this.#size;
  }

  /** How many ranges hold them. */
  get pieces(): number {
    return this.#ranges.length;
  }

  has(value: number): boolean {
    const range = this.#ranges[this.#indexAt(value)];
    return range !== undefined && range.first <= value;
  }

  add(value: number): void {
    this.addRange({ first: value, end: value + 1 });
  }

  addRange({ first, end }: ChunkRange): void {
    if (end <= first) return;
    // The first range that touches or follows the new one.
    let from = this.#indexAt(first - 1);
    if ((this.#ranges[from]?.end ?? first) < first) from += 1;
    let to = from;
    const merged = { first, end };
    let absorbed = 0;
    for (let range = this.#ranges[to]; range !== undefined && range.first <= end; ) {
      merged.first = Math.min(merged.first, range.first);
      merged.end = Math.max(merged.end, range.end);
      absorbed += range.end - range.first;
      to += 1;
      range = this.#ranges[to];
    }
    this.#ranges.splice(from, to - from, merged);
    this.#size += merged.end - merged.first - absorbed;
  }

  removeRange({ first, end }: ChunkRange): void {
    const kept = this.ranges();
    this.clear();
    for (const range of kept) {
      this.addRange({ first: range.first, end: Math.min(range.end, first) });
      this.addRange({ first: Math.max(range.first, end), end: range.end });
    }
  }

  /** The smallest number at or above `from` that is not in. */
  firstMissing(from: number): number {
    const range = this.#ranges[this.#indexAt(from)];
    return range !== undefined && range.first <= from ? range.end : from;
  }

  /** Whether all of `first` to `end` is in. */
  covers({ first, end }: ChunkRange): boolean {
    return end <= first || this.firstMissing(first) >= end;
  }

  ranges(): ChunkRange[] {
    return this.#ranges.map((range) => ({ ...range }));
  }

  clear(): void {
    this.#ranges.length = 0;
    this.#size = 0;
  }

  /** Index of the first range whose end is above `value`. */
  #indexAt(value: number): number {
    let low = 0;
    let high = this.#ranges.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#ranges[middle] as ChunkRange).end > value) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
