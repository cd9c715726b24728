/**
 * What earlier flows have found out about the way to a peer: a later one starts near that rate
 * instead of feeling its way up.
 */

/** Peers remembered; the one used longest ago is forgotten first. */
export const RATES_REMEMBERED_MAX = 1000;

export class RateMemory {
  readonly #rates = new Map<string, number>();

  /** Bytes per microsecond, 0 when the peer is unknown. */
  hint(address: string): number {
    return this.#rates.get(address) ?? 0;
  }

  /** @param rate Bytes per microsecond that were delivered. */
  note(address: string, rate: number): void {
    if (rate <= 0) return;
    this.#rates.delete(address);
    this.#rates.set(address, rate);
    if (this.#rates.size <= RATES_REMEMBERED_MAX) return;
    const oldest = this.#rates.keys().next();
    if (oldest.done !== true) this.#rates.delete(oldest.value);
  }
}
