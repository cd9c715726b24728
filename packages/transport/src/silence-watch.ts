/**
 * What to do when nothing comes back: after a pause a few packets ask again, with growing pauses,
 * and everything else holds still. Tells a dead path from one that has only stopped taking large
 * packets.
 *
 * @see RFC 9002, section 6.2; RFC 8899, section 4.3
 */

const SLACK_US = 25_000;
const PAUSE_MAX_US = 1_000_000;
/** Packets that ask again at each timeout. */
const ASKING_PACKETS = 2;
const TIMEOUTS_COUNTED_MAX = 16;
/** Timeouts after which everything in flight counts as lost. */
const GIVE_UP_TIMEOUTS = 3;
/** Timeouts ended by small packets alone, after which large ones count as blocked. */
const BLACK_HOLE_SIGNS = 2;

export class SilenceWatch {
  #progressAt: number;
  #since = Infinity;
  #timeouts = 0;
  #asking = 0;
  /** Whether an ack since the last timeout covered data, and how often it did not. */
  #dataAcked = false;
  #blackHoleSigns = 0;

  constructor(now: number) {
    this.#progressAt = now;
  }

  /** Timeouts since the last progress; while there are any, only asking packets leave. */
  get timeouts(): number {
    return this.#timeouts;
  }

  /** When the first of these timeouts was; Infinity when there is none. */
  get since(): number {
    return this.#since;
  }

  /** Packets that may still leave to ask for an answer. */
  get asking(): number {
    return this.#asking;
  }

  /** When the next timeout is. @param flight Of packets in flight; there must be some. */
  timeoutAt(flight: { readonly rttUs: number; readonly oldestSentAt: number }): number {
    const base = flight.rttUs * 1.5 + SLACK_US;
    const pause = Math.min(base * 2 ** this.#timeouts, Math.max(PAUSE_MAX_US, base));
    return Math.max(this.#progressAt, flight.oldestSentAt) + pause;
  }

  /** A timeout has passed. @returns Whether everything in flight is to be given up now. */
  expire(now: number): boolean {
    if (this.#timeouts === 0) this.#since = now;
    this.#timeouts = Math.min(this.#timeouts + 1, TIMEOUTS_COUNTED_MAX);
    this.#progressAt = now;
    this.#asking = ASKING_PACKETS;
    return this.#timeouts === GIVE_UP_TIMEOUTS;
  }

  /** An asking packet has left; or none is left to ask with. */
  asked(): void {
    this.#asking -= 1;
  }
  stopAsking(): void {
    this.#asking = 0;
  }

  noteDataAcked(): void {
    this.#dataAcked = true;
  }

  /**
   * Something new was acknowledged.
   *
   * @param waitsForData Whether data is in flight.
   * @returns Whether large packets no longer pass.
   */
  progress(now: number, waitsForData: boolean): boolean {
    let blocked = false;
    if (this.#timeouts > 1) {
      this.#blackHoleSigns = this.#dataAcked || !waitsForData ? 0 : this.#blackHoleSigns + 1;
      blocked = this.#blackHoleSigns >= BLACK_HOLE_SIGNS;
    }
    this.#progressAt = now;
    this.#asking = 0;
    this.#timeouts = 0;
    this.#since = Infinity;
    this.#dataAcked = false;
    return blocked;
  }
}
