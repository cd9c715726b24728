/**
 * Runs one trigger: no shell, a small environment, no descriptor of the server, a process group of its
 * own, a limit in time and output. Whatever it does, this ends.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Clock, Timer } from '../adapters/clock/clock.js';
import type { TriggerCall } from './trigger-calls.js';

/** Bytes of output that are kept for the log. */
export const TRIGGER_OUTPUT_BYTES_MAX = 65_536;
/** Milliseconds between SIGTERM and SIGKILL. */
export const TRIGGER_KILL_MS = 5000;

export interface RunTriggerOptions {
  readonly file: string;
  readonly directory: string;
  readonly call: TriggerCall;
  readonly timeLimitMs: number;
  readonly keepsOutput: boolean;
  readonly clock: Clock;
  /** Ends it early. */
  readonly signal: AbortSignal;
}

/** How a trigger ended. */
export interface TriggerEnd {
  /** Null when it was ended by a signal or never began. */
  readonly exitCode: number | null;
  readonly signal: string | null;
  /** Why it counts as failed; null when it does not. */
  readonly reason: string | null;
  /** What it has written, standard output and error as they came. */
  readonly output: string;
}

const environmentOf = (call: TriggerCall): NodeJS.ProcessEnv => ({
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  LANG: 'C.UTF-8',
  JETSTREAM_EVENT: call.name,
  JETSTREAM_EVENT_SEQ: call.eventSeq === null ? '' : String(call.eventSeq),
  JETSTREAM_OWNER: call.owner ?? '',
});

/** The whole group: what a script has started ends with it. */
const kill = (child: ChildProcess, signal: NodeJS.Signals): void => {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // It has ended meanwhile.
  }
};

const gather = (child: ChildProcess): (() => string) => {
  const parts: Buffer[] = [];
  let held = 0;
  const take = (part: Buffer): void => {
    const room = TRIGGER_OUTPUT_BYTES_MAX - held;
    if (room > 0) parts.push(part.subarray(0, room));
    held += Math.min(part.length, Math.max(room, 0));
  };
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', take);
    stream?.on('error', () => undefined);
  }
  return () => {
    for (const stream of [child.stdout, child.stderr]) stream?.destroy();
    return Buffer.concat(parts).toString();
  };
};

const reasonOf = (exitCode: number | null, signal: string | null): string | null => {
  if (exitCode === 0) return null;
  return exitCode === null ? `ended by ${signal}` : `exit code ${exitCode}`;
};

/** Runs a trigger; resolves in every case. */
export type RunTrigger = (options: RunTriggerOptions) => Promise<TriggerEnd>;

/** Runs it as the account of this process; never rejects. */
export const runTrigger: RunTrigger = (options) =>
  new Promise((resolve) => {
    const { call, clock, signal: ending, timeLimitMs } = options;
    const output = options.keepsOutput ? 'pipe' : 'ignore';
    const child = spawn(options.file, [...call.args], {
      cwd: options.directory,
      env: environmentOf(call),
      stdio: ['ignore', output, output],
      shell: false,
      detached: true,
    });
    const written = gather(child);
    let overdue: string | null = null;
    const timers: Timer[] = [];
    const end = (why: string): void => {
      overdue ??= why;
      kill(child, 'SIGTERM');
      timers.push(clock.after(TRIGGER_KILL_MS, () => kill(child, 'SIGKILL')));
    };
    const onAbort = (): void => end('the server is stopping');
    const settle = (done: Omit<TriggerEnd, 'output'>): void => {
      for (const timer of timers) timer.cancel();
      ending.removeEventListener('abort', onAbort);
      if (overdue !== null) kill(child, 'SIGKILL');
      resolve({ ...done, output: written() });
    };
    timers.push(clock.after(timeLimitMs, () => end(`it took longer than ${timeLimitMs / 1000} s`)));
    ending.addEventListener('abort', onAbort, { once: true });
    child.once('error', (error) =>
      settle({ exitCode: null, signal: null, reason: `it cannot be run: ${error.message}` }),
    );
    // Not "close": a process that it has left behind may hold its output open for ever.
    child.once('exit', (exitCode, signal) =>
      settle({ exitCode, signal, reason: overdue ?? reasonOf(exitCode, signal) }),
    );
  });
