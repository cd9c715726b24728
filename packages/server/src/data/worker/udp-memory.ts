/**
 * Destinations that UDP did not reach lately while TCP did: further flows to them go over TCP at once.
 * It is forgotten after a while, for firewalls change.
 */

/** How long UDP is not tried again. */
export const UDP_BLOCKED_US = 600_000_000;
/** Destinations remembered; the one noted longest ago is forgotten first. */
export const UDP_BLOCKED_MAX = 1000;

export class UdpMemory {
  readonly #blockedAt = new Map<string, number>();

  /** UDP has just not passed. */
  note(destination: string, now: number): void {
    this.#blockedAt.delete(destination);
    this.#blockedAt.set(destination, now);
    if (this.#blockedAt.size <= UDP_BLOCKED_MAX) return;
    const oldest = this.#blockedAt.keys().next();
    if (oldest.done !== true) this.#blockedAt.delete(oldest.value);
  }

  /** UDP has passed. */
  forget(destination: string): void {
    this.#blockedAt.delete(destination);
  }

  /** When UDP was found not to pass; null when it may be tried. */
  blockedAt(destination: string, now: number): number | null {
    const at = this.#blockedAt.get(destination);
    return at === undefined || now >= at + UDP_BLOCKED_US ? null : at;
  }
}
