/** What timed packet trains say about the capacity of a path, while a flow starts up. */

/**
 * Readings kept. What is tried goes by one of the highest: a receiver that reads late makes a train look
 * slow, and hardly anything makes it look fast. What bounds start-up goes by the median.
 */
const READINGS_MAX = 7;
const QUANTILE = 0.75;
/** Share of the capacity that one train allows at once, and two, and what a whole flow has delivered. */
const TRUST_ONE = 0.4;
const TRUST = 0.8;
const TRUST_HINT = 0.95;
const SLACK = 1.05;

export class TrainReadings {
  readonly #rates: number[] = [];
  readonly #trust: number;

  /** @param hint What an earlier flow delivered, bytes per microsecond, which counts as two trains; 0 for unknown. */
  constructor(hint = 0) {
    this.#trust = hint > 0 ? TRUST_HINT : TRUST;
    if (hint > 0) this.#rates.push(hint, hint);
  }

  /** @param rate Bytes per microsecond. */
  add(rate: number): void {
    this.#rates.push(rate);
    if (this.#rates.length > READINGS_MAX) this.#rates.shift();
  }

  /** Whether two trains have been timed, so that `apply` bounds what is tried. */
  get known(): boolean {
    return this.#rates.length > 1;
  }

  /** A rate to start up at, helped and bounded by what is known of the capacity. */
  apply(rate: number): number {
    if (this.#rates.length === 0) return rate;
    const sorted = [...this.#rates].sort((a, b) => a - b);
    const capacity = sorted[Math.floor(this.#rates.length * QUANTILE)] as number;
    if (this.#rates.length === 1) return Math.max(rate, capacity * TRUST_ONE);
    const median = sorted[this.#rates.length >> 1] as number;
    const start = capacity * this.#trust;
    return Math.min(Math.max(rate, start), Math.max(median * SLACK, start));
  }
}
