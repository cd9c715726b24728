/**
 * A ceiling that several flows share: the server's limit of outgoing bandwidth. A token bucket with
 * so small a burst that no tenth of a second exceeds the limit noticeably. What a late wake-up has
 * missed beyond the burst is made up for afterwards, a little at a time, so that the average stays.
 */

/** Time that unused credit stands for. */
const BURST_US = 3000;
/** One large packet may always leave. */
const BURST_BYTES_MIN = 2048;
/** Most missed time that is made up for, and how much faster that goes. */
const MISSED_US_MAX = 100_000;
const CATCH_UP = 0.04;

export class SendGate {
  #rate = Number.POSITIVE_INFINITY;
  #credit = 0;
  #missed = 0;
  #updatedAt = 0;

  /** Bytes per microsecond; Infinity for no limit. */
  get rate(): number {
    return this.#rate;
  }

  /** Changes the limit at once. */
  setRate(rate: number): void {
    if (rate === this.#rate) return;
    // What was saved up stays, as far as the new limit allows it; without a limit nothing was.
    this.#credit = Math.min(
      this.#credit,
      this.#rate === Number.POSITIVE_INFINITY ? 0 : rate * BURST_US,
    );
    this.#rate = rate;
    this.#missed = 0;
  }

  /** Brings the credit up to date. */
  refill(now: number): void {
    const burst = Math.max(this.#rate * BURST_US, BURST_BYTES_MIN);
    const fresh = this.#rate * Math.max(0, now - this.#updatedAt);
    this.#updatedAt = now;
    if (this.#rate === Number.POSITIVE_INFINITY) return;
    const over = this.#credit + fresh - burst;
    if (over > 0) {
      this.#credit = burst;
      this.#missed = Math.min(this.#missed + over, this.#rate * MISSED_US_MAX);
    } else {
      const extra = Math.min(this.#missed, fresh * CATCH_UP, -over);
      this.#missed -= extra;
      this.#credit += fresh + extra;
    }
  }

  get open(): boolean {
    return this.#rate === Number.POSITIVE_INFINITY || this.#credit > 0;
  }

  spend(bytes: number): void {
    if (this.#rate !== Number.POSITIVE_INFINITY) this.#credit -= bytes;
  }

  /** Microseconds until it opens; 0 when it is open. */
  waitUs(): number {
    return this.open ? 0 : (1 - this.#credit) / Math.max(this.#rate, 1e-9);
  }
}
