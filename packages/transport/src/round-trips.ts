/** Round-trip times of a path, in microseconds: the shortest, a smoothed one, and those of one round. */

/** A round trip so much above the shortest one still confirms it. */
const CONFIRMS = 1.03;

export class RoundTrips {
  #shortest: number;
  #shortestAt: number;
  #smoothed: number;
  #isKnown = false;
  #roundShortest = Infinity;
  #roundLongest = 0;

  /** @param firstUs The handshake's, until a packet has measured one. */
  constructor(firstUs: number, now: number) {
    this.#shortest = firstUs;
    this.#smoothed = firstUs;
    this.#shortestAt = now;
  }

  get shortest(): number {
    return this.#shortest;
  }
  /** When the shortest one was seen last. */
  get shortestAt(): number {
    return this.#shortestAt;
  }
  get smoothed(): number {
    return this.#smoothed;
  }
  /** Infinity before the first of the round. */
  get roundShortest(): number {
    return this.#roundShortest;
  }
  get roundLongest(): number {
    return this.#roundLongest;
  }

  note(rttUs: number, now: number): void {
    // The handshake's round trip may include repetitions, so the first real one replaces it.
    this.#smoothed += (rttUs - this.#smoothed) / (this.#isKnown ? 8 : 1);
    this.#isKnown = true;
    this.#roundShortest = Math.min(this.#roundShortest, rttUs);
    this.#roundLongest = Math.max(this.#roundLongest, rttUs);
    if (rttUs > this.#shortest * CONFIRMS) return;
    this.#shortest = Math.min(this.#shortest, rttUs);
    this.#shortestAt = now;
  }

  endRound(): void {
    this.#roundShortest = Infinity;
    this.#roundLongest = 0;
  }

  /** Looks for the shortest one anew, among those from now on. */
  seek(): void {
    this.#roundShortest = Infinity;
  }

  /** Takes the shortest one since `seek`, whatever was seen before. */
  renew(now: number): void {
    this.#shortest = Math.max(1, Math.min(this.#roundShortest, this.#smoothed));
    this.#shortestAt = now;
  }
}
