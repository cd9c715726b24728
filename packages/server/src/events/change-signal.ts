/** Lets callers wait for the end of something without asking again and again. */
import { CommandError } from '@jetstream/contract';
import type { Clock } from '../adapters/clock/clock.js';

/** Most callers that may wait at the same time. */
export const WAITERS_MAX = 10_000;

/** How long a wait may last, and what ends it early. */
export interface WaitOptions {
  /** Longest wait in seconds; no limit when absent. */
  readonly timeoutSeconds?: number | null | undefined;
  /** Fires when nobody is interested any more. */
  readonly signal: AbortSignal;
  /** What is waited for, for the message of a timeout, as in `the end of transfer "…"`. */
  readonly what: string;
}

/** Waiting callers by id. */
export class ChangeSignal {
  readonly #clock: Clock;
  readonly #waiting = new Map<string, Set<() => void>>();
  #count = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Wakes everybody who waits for this id; they look again. */
  notify(id: string): void {
    for (const wake of [...(this.#waiting.get(id) ?? [])]) wake();
  }

  /**
   * Looks again after each notification until there is an answer.
   *
   * @param look Yields the answer, or undefined while there is none; throws to end the wait.
   * @throws {CommandError} `timeout`, or `cancelled` when the signal fires.
   */
  async waitFor<T>(
    id: string,
    look: () => Promise<T | undefined>,
    options: WaitOptions,
  ): Promise<T> {
    const { timeoutSeconds } = options;
    const startMs = this.#clock.monotonicMs();
    for (;;) {
      // Asked for before looking, so that no change falls between the look and the wait.
      const change = this.#nextChange(id, options, startMs);
      try {
        const answer = await look();
        if (answer !== undefined) return answer;
        const reason = await change.promise;
        if (reason === 'aborted') {
          throw new CommandError('cancelled', `Cannot wait for ${options.what}: the caller left`);
        }
        if (reason === 'timeout') {
          throw new CommandError(
            'timeout',
            `Cannot wait for ${options.what}: it takes longer than ${timeoutSeconds} s`,
          );
        }
      } finally {
        change.stop();
      }
    }
  }

  #nextChange(id: string, options: WaitOptions, startMs: number) {
    if (this.#count >= WAITERS_MAX) {
      throw new CommandError(
        'too_many_requests',
        `Cannot wait for ${options.what}: ${this.#count} calls wait already`,
      );
    }
    let settle: (reason: 'changed' | 'timeout' | 'aborted') => void = () => {};
    const promise = new Promise<'changed' | 'timeout' | 'aborted'>((resolve) => {
      settle = resolve;
    });
    const wake = (): void => settle('changed');
    const abort = (): void => settle('aborted');
    const waiting = this.#waiting.get(id) ?? new Set();
    this.#waiting.set(id, waiting);
    waiting.add(wake);
    this.#count += 1;
    options.signal.addEventListener('abort', abort, { once: true });
    if (options.signal.aborted) abort();
    const passedMs = this.#clock.monotonicMs() - startMs;
    const timer =
      typeof options.timeoutSeconds === 'number'
        ? this.#clock.after(options.timeoutSeconds * 1000 - passedMs, () => settle('timeout'))
        : null;
    const stop = (): void => {
      waiting.delete(wake);
      this.#count -= 1;
      if (waiting.size === 0) this.#waiting.delete(id);
      options.signal.removeEventListener('abort', abort);
      timer?.cancel();
    };
    return { promise, stop };
  }
}
