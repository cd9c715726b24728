/**
 * Gives way to a queue that stands through whole round trips: it may be ours to drain. If a few rounds
 * of that do not help, it is someone else's, and we stop for a while.
 */

/** Rounds that pass before a standing queue is given way to again. */
const PAUSE_ROUNDS = 8;

export class QueueYield {
  readonly #roundsMax: number;
  #rounds = 0;
  #yielding = false;

  constructor(roundsMax: number) {
    this.#roundsMax = roundsMax;
  }

  get yielding(): boolean {
    return this.#yielding;
  }

  /** Rounds through which the queue has stood while it was given way to, the last one included. */
  get rounds(): number {
    return this.#yielding ? this.#rounds : 0;
  }

  reset(): void {
    this.#rounds = 0;
    this.#yielding = false;
  }

  /** @returns Whether the queue stood although it was given way to, for as long as is allowed. */
  endRound(standing: boolean): boolean {
    const vain = standing && this.#rounds === this.#roundsMax;
    this.#yielding = standing && this.#rounds >= 0 && !vain;
    if (this.#rounds < 0 || this.#yielding) this.#rounds += 1;
    else this.#rounds = vain ? -PAUSE_ROUNDS : 0;
    return vain;
  }
}
