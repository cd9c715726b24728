/** What timed packet trains say about the capacity of a path, while a flow starts up. */

/** Readings kept; their median counts. */
const READINGS_MAX = 7;
/** Share of the capacity that two agreeing trains allow at once. */
const TRUST = 0.8;
const SLACK = 1.05;

export class TrainReadings {
  readonly #rates: number[] = [];

  /** @param rate Bytes per microsecond. */
  add(rate: number): void {
    this.#rates.push(rate);
    if (this.#rates.length > READINGS_MAX) this.#rates.shift();
  }

  /** A rate to start up at, helped and bounded by what is known of the capacity. */
  apply(rate: number): number {
    if (this.#rates.length < 2) return rate;
    const sorted = [...this.#rates].sort((a, b) => a - b);
    const capacity = sorted[this.#rates.length >> 1] as number;
    return Math.min(Math.max(rate, capacity * TRUST), capacity * SLACK);
  }
}
