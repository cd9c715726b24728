/** Work of which a few may be done at once, in the order in which it comes. */
export class Turns {
  readonly #parallelMax: number;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(parallelMax: number) {
    this.#parallelMax = parallelMax;
  }

  /** How many wait. */
  get waiting(): number {
    return this.#waiting.length;
  }

  get isIdle(): boolean {
    return this.#running === 0;
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    // Whoever ends passes its place on, so the count stays as it is.
    if (this.#running >= this.#parallelMax) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else {
      this.#running += 1;
    }
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running -= 1;
      else next();
    }
  }
}
