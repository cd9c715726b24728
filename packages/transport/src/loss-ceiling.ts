/** When a flow with a fixed rate gives it up: too much of it is lost. */
import type { RoundCounts } from './rate-policy.js';

/** Packets of a round that say something. */
const PACKETS_MIN = 64;

export class LossCeiling {
  readonly #lossMax: number;
  #exceeded = false;

  /** @param lossMax Share of packets, 0 to 1; 0 for a flow that has no fixed rate. */
  constructor(lossMax: number) {
    this.#lossMax = lossMax;
  }

  /** Whether the rate is given up now; it comes back when half as much is lost. */
  get exceeded(): boolean {
    return this.#exceeded;
  }

  endRound({ resolved, lost }: RoundCounts): void {
    if (this.#lossMax === 0 || resolved < PACKETS_MIN) return;
    this.#exceeded = lost / resolved > (this.#exceeded ? this.#lossMax / 2 : this.#lossMax);
  }
}
