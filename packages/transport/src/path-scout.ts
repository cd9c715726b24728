/**
 * Measures a path ahead of the first data: a few trains of padding that leave right behind an offer.
 * The receiver times them while it decides, so that its answer finds a sender that knows how fast the
 * path is, and neither feels its way up for several round trips nor floods a slow link.
 *
 * @see docs/decisions/0003-sharing-a-path-with-others.md, "The first window"
 */

/** Trains, of which two have to be readable, and the pause before each: an ack speaks of one only. */
const TRAINS = 4;
const PAUSE_US = 12_000;
/** Round trips shorter than this are over before anything is gained. */
const RTT_US_MIN = 20_000;

export class PathScout {
  #left = 0;
  #nextAt = Infinity;
  #last = -1;

  /** When the next train is to leave; Infinity for none. */
  get dueAt(): number {
    return this.#nextAt;
  }

  /** Asks for trains from now on, unless there were some before. */
  start(now: number, rttUs: number): void {
    if (this.#last >= 0 || this.#left > 0 || rttUs < RTT_US_MIN) return;
    this.#left = TRAINS;
    this.#nextAt = now + PAUSE_US;
  }

  /** A train has left. @param last Number of its last packet. */
  sent(last: number, now: number): void {
    this.#last = last;
    this.#left -= 1;
    this.#nextAt = this.#left > 0 ? now + PAUSE_US : Infinity;
  }

  /** There is something better to send. */
  stop(): void {
    this.#left = 0;
    this.#nextAt = Infinity;
  }

  /** Whether an ack up to this packet tells nothing of how content fares. */
  covers(packetNumber: number): boolean {
    return packetNumber <= this.#last;
  }
}
