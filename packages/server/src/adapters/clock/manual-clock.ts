/** A clock for tests: time passes only when told to, and due timers fire in order. */
import type { Clock, Timer } from './clock.js';

interface Pending {
  readonly dueMs: number;
  readonly callback: () => void;
}

export class ManualClock implements Clock {
  #monotonicMs = 0;
  readonly #startUs: number;
  readonly #pending = new Set<Pending>();

  constructor(startUs = 1_700_000_000_000_000) {
    this.#startUs = startUs;
  }

  nowUs(): number {
    return this.#startUs + Math.round(this.#monotonicMs * 1000);
  }

  monotonicMs(): number {
    return this.#monotonicMs;
  }

  after(delayMs: number, callback: () => void): Timer {
    const pending = { dueMs: this.#monotonicMs + delayMs, callback };
    this.#pending.add(pending);
    return { cancel: () => this.#pending.delete(pending) };
  }

  /** Timers that have neither fired nor been cancelled. */
  get pendingCount(): number {
    return this.#pending.size;
  }

  /** Lets time pass and fires what becomes due on the way, timers set meanwhile included. */
  advance(milliseconds: number): void {
    const endMs = this.#monotonicMs + milliseconds;
    for (;;) {
      const next = [...this.#pending]
        .filter((pending) => pending.dueMs <= endMs)
        .sort((left, right) => left.dueMs - right.dueMs)[0];
      if (next === undefined) break;
      this.#pending.delete(next);
      this.#monotonicMs = Math.max(this.#monotonicMs, next.dueMs);
      next.callback();
    }
    this.#monotonicMs = endMs;
  }
}
