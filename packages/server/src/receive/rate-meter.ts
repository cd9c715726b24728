/** How fast bytes arrive: over all the time in which something arrived, and just now. */

/** Span of the recent rate, in milliseconds. */
export const RATE_WINDOW_MS = 10_000;
/** Longest pause between two arrivals that still counts as receiving. */
const BUSY_PAUSE_MS = 2000;
const SLOTS = 10;
const SLOT_MS = RATE_WINDOW_MS / SLOTS;

/** Adds up in slots of a second; memory is constant. */
export class RateMeter {
  readonly #slots = new Float64Array(SLOTS);
  #slot = 0;
  #totalBytes = 0;
  #busyMs = 0;
  #lastMs: number | null = null;

  /** Counts bytes that have arrived since the last call. */
  add(bytes: number, nowMs: number): void {
    this.#turn(nowMs);
    const index = this.#slot % SLOTS;
    this.#slots[index] = (this.#slots[index] ?? 0) + bytes;
    this.#totalBytes += bytes;
    const passedMs = this.#lastMs === null ? 0 : nowMs - this.#lastMs;
    if (passedMs <= BUSY_PAUSE_MS) this.#busyMs += passedMs;
    this.#lastMs = nowMs;
  }

  /** kbit/s over the time in which something arrived. */
  averageKbps(): number {
    return this.#busyMs === 0 ? 0 : (this.#totalBytes * 8) / this.#busyMs;
  }

  /** kbit/s over the last {@link RATE_WINDOW_MS}. */
  windowKbps(nowMs: number): number {
    this.#turn(nowMs);
    return (this.#slots.reduce((sum, bytes) => sum + bytes, 0) * 8) / RATE_WINDOW_MS;
  }

  /** Empties the slots that have become too old. */
  #turn(nowMs: number): void {
    const slot = Math.floor(nowMs / SLOT_MS);
    const passed = Math.min(slot - this.#slot, SLOTS);
    for (let step = 1; step <= passed; step += 1) this.#slots[(this.#slot + step) % SLOTS] = 0;
    if (passed === SLOTS) this.#slots.fill(0);
    if (slot > this.#slot) this.#slot = slot;
  }
}
