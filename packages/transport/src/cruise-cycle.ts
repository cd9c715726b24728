/**
 * The cycle of a flow at its measured rate: one phase that probes for more, one that drains what the probe
 * has queued, and six that do neither. Probes ask for less once a queue was full, and for what fits into it.
 */
import type { QueueDepth } from './queue-depth.js';

const PHASES = 8;
/** Round trips that a probe lasts; any other phase lasts one. Neither counts one as shorter than this. */
const PROBE_TRIPS = 1.2;
const PHASE_US_MIN = 8000;
/** Probes ask for less after losses, and a little more each time that goes well. */
const EXCESS_MIN = 0.03;
const EXCESS_GROWTH = 1.05;

/** What a phase that ends is judged by. */
export interface PhaseNews {
  readonly now: number;
  readonly minRttUs: number;
  /** Bytes per microsecond. */
  readonly bandwidth: number;
  /** Whether round trips show a queue. */
  readonly isQueued: boolean;
  readonly depth: Pick<QueueDepth, 'probeExcessMax'>;
}

export class CruiseCycle {
  readonly #excessMax: number;
  #phase = 0;
  #startedAt: number;
  #base = 0;
  #excess: number;

  /** @param probeGain Factor on the measured rate of a probe at most. */
  constructor(probeGain: number, now: number) {
    this.#excessMax = probeGain - 1;
    this.#excess = this.#excessMax;
    this.#startedAt = now;
  }

  get isProbing(): boolean {
    return this.#phase === 0;
  }
  get isDraining(): boolean {
    return this.#phase === 1;
  }
  /** How much more than the measured rate a probe sends, as a share of it. */
  get excess(): number {
    return this.#excess;
  }

  /** Goes on behind probe and drain. */
  restart(now: number): void {
    this.#phase = 2;
    this.#startedAt = now;
  }

  /** A probe comes next. @param bandwidth What it is measured against. */
  probe(bandwidth: number): void {
    this.#phase = 0;
    this.#base = bandwidth;
  }

  /** Drains at once: too much is on the way. */
  drain(): void {
    this.#phase = 1;
  }

  /** A queue was full: the next probe asks for half. */
  halve(): void {
    this.#excess = Math.max(EXCESS_MIN, this.#excess / 2);
  }

  /** Probes as if no queue had been full. */
  restore(): void {
    this.#excess = this.#excessMax;
  }

  /** Ends a phase whose time is over. */
  advance(news: PhaseNews): void {
    const { now, bandwidth } = news;
    const tripUs = Math.max(news.minRttUs, PHASE_US_MIN);
    if (now - this.#startedAt < tripUs * (this.isProbing ? PROBE_TRIPS : 1)) return;
    this.#startedAt = now;
    if (this.isDraining) {
      // A probe that found much more is repeated at once: the path has room again.
      const grew = bandwidth > this.#base * (1 + this.#excess / 2);
      this.#phase = grew && !news.isQueued ? 0 : 2;
      if (this.isProbing) this.#excess *= 2;
    } else {
      this.#phase = (this.#phase + 1) % PHASES;
    }
    if (!this.isProbing) return;
    this.#base = bandwidth;
    const fitting = news.depth.probeExcessMax(tripUs * PROBE_TRIPS);
    const most = Math.max(EXCESS_MIN, Math.min(this.#excessMax, fitting));
    this.#excess = Math.min(most, this.#excess * EXCESS_GROWTH);
  }
}
