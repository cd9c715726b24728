import { EXIT } from './exit-codes.js';
import { CliError } from './failure.js';
import type { Terminal } from './terminal.js';

/** What an interrupted command fails with. */
export const interruption = (): CliError =>
  new CliError('Interrupted', { exitCode: EXIT.interrupted, code: 'interrupted' });

/** Waits for work that needs no cleaning up when the user interrupts it. */
export const untilInterrupted = async <T>(terminal: Terminal, work: Promise<T>): Promise<T> => {
  const { interrupted } = terminal;
  let stop: () => void = () => undefined;
  const interrupt = new Promise<never>((_resolve, reject) => {
    const onAbort = (): void => reject(interruption());
    if (interrupted.aborted) onAbort();
    interrupted.addEventListener('abort', onAbort, { once: true });
    stop = () => interrupted.removeEventListener('abort', onAbort);
  });
  try {
    return await Promise.race([work, interrupt]);
  } finally {
    stop();
  }
};
