/**
 * What earlier flows have found out about the way to a peer: a later one starts near that rate
 * instead of feeling its way up.
 */

/** Peers remembered; the one used longest ago is forgotten first. */
export const RATES_REMEMBERED_MAX = 1000;

/** What a flow has delivered. */
export interface FoundRate {
  /** Bytes per microsecond. */
  readonly rate: number;
  /** Whether it had felt its way up to the end; a short one has not, and the path may bear more. */
  readonly isSettled: boolean;
}

export class RateMemory {
  readonly #rates = new Map<string, number>();

  /** Bytes per microsecond, 0 when the peer is unknown. */
  hint(address: string): number {
    return this.#rates.get(address) ?? 0;
  }

  /** Notes what a flow has found out; unless it is settled, a higher rate that is known stands. */
  note(address: string, found: FoundRate): void {
    const rate = found.isSettled ? found.rate : Math.max(found.rate, this.hint(address));
    if (rate <= 0) return;
    this.#rates.delete(address);
    this.#rates.set(address, rate);
    if (this.#rates.size <= RATES_REMEMBERED_MAX) return;
    const oldest = this.#rates.keys().next();
    if (oldest.done !== true) this.#rates.delete(oldest.value);
  }
}
