/**
 * How much the queue of a path holds, in time: what it added to round trips when it was full. Bursts and
 * probes of ours must fit into a part of that, or they lose packets by themselves, and their losses look
 * like those that others cause.
 */

/**
 * What is taken for its depth until one has been full: with long round trips a probe would else fill the
 * common 100 ms by itself.
 */
const ASSUMED_US = 80_000;
/** A late reader adds to round trips too, so the least of what full queues showed counts; it ages. */
const GROWTH = 1.02;
/** Share of the queue that one burst of ours may fill, and a probe. */
const BURST_SHARE = 0.25;
const PROBE_SHARE = 0.5;

export class QueueDepth {
  #us = ASSUMED_US;

  /** A full queue was met that made round trips longer by this much. */
  noteFull(extraUs: number): void {
    this.#us = Math.min(this.#us * GROWTH, extraUs);
  }

  /** Longest burst that does no harm, in microseconds at the rate of the path. */
  get burstUs(): number {
    return this.#us * BURST_SHARE;
  }

  /** Most that a probe of this length may send beyond the rate, as a share of it. */
  probeExcessMax(probeUs: number): number {
    return (this.#us * PROBE_SHARE) / probeUs;
  }
}
