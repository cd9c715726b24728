/** A request that runs: its counters, who waits for its end, and how it is told to stop. */
import { CommandError } from '@jetstream/contract';
import type { Clock } from '../adapters/clock/clock.js';
import type { RequestWork } from '../control/handler.js';
import type { Ownership } from '../sessions/caller.js';
import { REQUEST_LIMITS } from './limits.js';

/** What came out of a run. */
export type RunEnd =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly error: unknown };

export interface RunningRequestOptions {
  readonly owner: Ownership;
  readonly clock: Clock;
  /** Called when counters have changed, not too often. */
  readonly onProgress: () => void;
}

export class RunningRequest implements RequestWork {
  readonly owner: Ownership;
  /** Resolves when the end is stored. */
  readonly ended: Promise<void>;
  readonly #options: RunningRequestOptions;
  readonly #abort = new AbortController();
  readonly #waiting = new Set<() => void>();
  #markEnded: () => void = () => {};
  #isEnded = false;
  #counters: Readonly<Record<string, number>> | null = null;
  #notifiedMs = Number.NEGATIVE_INFINITY;

  constructor(options: RunningRequestOptions) {
    this.owner = options.owner;
    this.#options = options;
    this.ended = new Promise((resolve) => {
      this.#markEnded = resolve;
    });
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  get counters(): Record<string, number> | null {
    return this.#counters === null ? null : { ...this.#counters };
  }

  progress(counters: Readonly<Record<string, number>>): void {
    this.#counters = counters;
    const nowMs = this.#options.clock.monotonicMs();
    if (this.#isEnded || nowMs - this.#notifiedMs < REQUEST_LIMITS.progressIntervalMs) return;
    this.#notifiedMs = nowMs;
    this.#options.onProgress();
  }

  /** Runs the work to its end, then `finish`, which stores the end and does not reject. */
  async run(
    work: (work: RequestWork) => Promise<unknown>,
    finish: (end: RunEnd) => Promise<void>,
  ): Promise<void> {
    let end: RunEnd;
    try {
      end = { ok: true, value: await work(this) };
    } catch (error) {
      // Whatever a cancelled run fails with, the reason is the cancellation.
      end = { ok: false, error: this.signal.aborted ? this.signal.reason : error };
    }
    await finish(end);
    this.#isEnded = true;
    this.#markEnded();
    for (const wake of [...this.#waiting]) wake();
  }

  cancel(reason: string): void {
    this.#abort.abort(new CommandError('cancelled', `Cannot finish the request: ${reason}`));
  }

  /**
   * Waits for the end.
   *
   * @returns False when time ran out or nobody waits any more.
   */
  wait(options: { readonly timeoutMs: number | null; readonly signal: AbortSignal }) {
    const { timeoutMs, signal } = options;
    if (this.#isEnded) return Promise.resolve(true);
    if (signal.aborted || timeoutMs === 0) return Promise.resolve(false);
    return new Promise<boolean>((resolve) => {
      const settle = (): void => {
        timer?.cancel();
        signal.removeEventListener('abort', settle);
        this.#waiting.delete(settle);
        resolve(this.#isEnded);
      };
      const timer = timeoutMs === null ? null : this.#options.clock.after(timeoutMs, settle);
      signal.addEventListener('abort', settle);
      this.#waiting.add(settle);
    });
  }
}
