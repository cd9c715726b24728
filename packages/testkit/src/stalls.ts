/** The times at which a simulated host does not run, because its machine is busy with others. */
import type { Prng } from './prng.js';

/** Means, in microseconds; both are spread exponentially. */
export interface StallOptions {
  /** Between the end of one and the start of the next. */
  readonly everyUs: number;
  readonly lengthUs: number;
}

export class Stalls {
  readonly #options: StallOptions;
  readonly #random: Prng;
  #from = 0;
  #to = 0;

  constructor(options: StallOptions, random: Prng) {
    this.#options = options;
    this.#random = random;
    this.passed(0);
  }

  /** When something that is due then really runs. */
  after(at: number): number {
    return at >= this.#from && at < this.#to ? this.#to : at;
  }

  /** Forgets stalls that are over. */
  passed(now: number): void {
    while (this.#to <= now) {
      this.#from = this.#to + this.#spread(this.#options.everyUs);
      this.#to = this.#from + this.#spread(this.#options.lengthUs);
    }
  }

  #spread(mean: number): number {
    return -Math.log(1 - this.#random.float()) * mean;
  }
}
