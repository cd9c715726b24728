/**
 * Triggers that run as the account of their owner. The server says which one; the monitor looks at
 * directory and file itself, because whoever could change them would run programs as other accounts:
 * everything on the way to them must belong to root and be closed to others.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TriggerEnd } from '../triggers/run-trigger.js';
import { TriggerFiles } from '../triggers/trigger-files.js';
import type { AccountDecision } from './account-rules.js';
import { MONITOR_LINE_BYTES_MAX, TRIGGER_END_MS_MAX, TRIGGERS_RUN_MAX } from './monitor-limits.js';
import type { TriggerRequest } from './trigger-messages.js';
import { decodeTriggerEnd, type TriggerRunnerOrder } from './trigger-runner-messages.js';

export interface TriggerRunsOptions {
  readonly directory: string;
  decide(user: string): Promise<AccountDecision>;
}

const OTHERS_WRITE = 0o022;
const STICKY = 0o1000;
const PROGRAM = fileURLToPath(new URL('./trigger-runner.js', import.meta.url));

const failed = (reason: string): TriggerEnd => ({
  exitCode: null,
  signal: null,
  reason,
  output: '',
});

/** Why a directory cannot be trusted; null when only root can change what its path leads to. */
export const wayFault = (directory: string): string | null => {
  try {
    for (let at = fs.realpathSync(directory); ; at = path.dirname(at)) {
      const { uid, mode } = fs.statSync(at);
      const isClosed = (mode & OTHERS_WRITE) === 0 || ((mode & STICKY) !== 0 && at !== directory);
      if (uid !== 0 || !isClosed) return `others than root can change "${at}"`;
      if (at === path.dirname(at)) return null;
    }
  } catch (error) {
    return `it cannot be examined (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`;
  }
};

/** @see the head of this file */
export class TriggerRuns {
  readonly #options: TriggerRunsOptions;
  readonly #files: TriggerFiles;
  readonly #running = new Map<number, ChildProcess | null>();

  constructor(options: TriggerRunsOptions) {
    this.#options = options;
    this.#files = new TriggerFiles(options.directory);
  }

  /** Runs a trigger; resolves in every case. */
  async run(request: TriggerRequest): Promise<TriggerEnd> {
    const { id, user, call } = request;
    if (this.#running.has(id)) return failed('its number is taken');
    if (this.#running.size >= TRIGGERS_RUN_MAX) return failed('too many run at the same time');
    this.#running.set(id, null);
    try {
      const { account, refused } = await this.#options.decide(user);
      if (account === null) return failed(`its owner's account is not acted for: ${refused}`);
      const { directory } = this.#files;
      const fault = wayFault(directory) ?? this.#files.fault(call.name);
      if (fault !== null) return failed(`it is not run: ${fault}`);
      if (!this.#running.has(id)) return failed('the server is stopping');
      return await this.#start(request, [account.name, String(account.uid), String(account.gid)]);
    } finally {
      this.#running.delete(id);
    }
  }

  /** Ends one early. */
  end(id: number): void {
    const child = this.#running.get(id);
    if (child === null) this.#running.delete(id);
    // The runner ends what it runs when its input ends.
    child?.stdin?.destroy();
  }

  stop(): void {
    for (const id of [...this.#running.keys()]) this.end(id);
  }

  #start({ id, ...request }: TriggerRequest, account: readonly string[]): Promise<TriggerEnd> {
    const { call, timeLimitMs, keepsOutput } = request;
    const { directory } = this.#files;
    const file = this.#files.pathOf(call.name);
    const order: TriggerRunnerOrder = { call, timeLimitMs, keepsOutput, directory, file };
    return new Promise((resolve) => {
      const child = spawn(process.execPath, [PROGRAM, ...account], {
        env: {},
        cwd: '/',
        stdio: ['pipe', 'pipe', 'inherit'],
      });
      this.#running.set(id, child);
      // Its account can stop the process that watches it.
      const overdue = setTimeout(() => child.kill('SIGKILL'), timeLimitMs + TRIGGER_END_MS_MAX);
      let text = '';
      child.stdout.setEncoding('utf8').on('data', (part: string) => {
        text = (text + part).slice(0, MONITOR_LINE_BYTES_MAX);
      });
      child.on('error', () => resolve(failed('its account cannot be taken')));
      child.on('close', () => {
        clearTimeout(overdue);
        resolve(decodeTriggerEnd(text) ?? failed('the process that watched it was ended'));
      });
      child.stdin.on('error', () => undefined);
      child.stdin.write(`${JSON.stringify(order)}\n`);
    });
  }
}
