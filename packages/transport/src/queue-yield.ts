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

  reset(): void {
    this.#rounds = 0;
    this.#yielding = false;
  }

  endRound(standing: boolean): void {
    if (this.#rounds < 0) {
      this.#rounds += 1;
      this.#yielding = false;
    } else if (standing && this.#rounds < this.#roundsMax) {
      this.#rounds += 1;
      this.#yielding = true;
    } else {
      this.#rounds = standing ? -PAUSE_ROUNDS : 0;
      this.#yielding = false;
    }
  }
}
