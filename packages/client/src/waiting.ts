/** Limits on a wait: a signal of the caller, a time, or both. */
import { CommandError } from '@jetstream/contract';
import type { ClientClock } from './clock.js';
import type { CallOptions } from './interfaces.js';

/**
 * Waits for `work` no longer than the options allow. The work itself goes on: an answer that comes
 * later is dropped.
 *
 * @throws {CommandError} `cancelled` or `timeout`, naming `what`.
 */
export const within = <T>(
  work: Promise<T>,
  options: CallOptions,
  context: { readonly what: string; readonly clock: ClientClock },
): Promise<T> => {
  const { signal, timeoutMs } = options;
  if (signal === undefined && timeoutMs === undefined) return work;
  return new Promise<T>((resolve, reject) => {
    const stop: (() => void)[] = [];
    const settle = (act: () => void): void => {
      for (const undo of stop) undo();
      act();
    };
    const aborted = (): void =>
      settle(() => {
        const text = `Cannot ${context.what}: the caller cancelled it`;
        reject(new CommandError('cancelled', text, { cause: signal?.reason }));
      });
    work.then(
      (value) => settle(() => resolve(value)),
      (error: unknown) => settle(() => reject(error as Error)),
    );
    if (signal?.aborted) {
      aborted();
      return;
    }
    signal?.addEventListener('abort', aborted, { once: true });
    stop.push(() => signal?.removeEventListener('abort', aborted));
    if (timeoutMs !== undefined) {
      const timedOut = (): void =>
        settle(() => {
          const text = `Cannot ${context.what}: no answer within ${timeoutMs} ms`;
          reject(new CommandError('timeout', text, { details: { timeoutMs } }));
        });
      stop.push(context.clock.setTimer(timeoutMs, timedOut));
    }
  });
};
