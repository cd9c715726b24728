/**
 * Calls the executables of `--trigger-dir` for what happens. It follows the event log, which is the
 * queue: a few run at a time, and what comes meanwhile waits there. An event is acted upon when it is
 * durable and so is the state that it tells of. A later server goes on where this one was; see
 * trigger-cursor.ts.
 */
import type { Clock } from '../adapters/clock/clock.js';
import type { SettingStore } from '../adapters/database/settings.js';
import type { Logger } from '../adapters/log/logger.js';
import type { EventLog, StoredEvent } from '../events/event-log.js';
import type { RunTrigger } from './run-trigger.js';
import { type TriggerCall, triggerCallsOf } from './trigger-calls.js';
import { TriggerCursor } from './trigger-cursor.js';
import { TriggerFiles } from './trigger-files.js';

/** Triggers that run at the same time. */
export const TRIGGERS_RUNNING_MAX = 4;
/** Events that are read from the log at once. */
const READ_EVENTS = 200;

export interface TriggerServiceOptions {
  readonly directory: string;
  /** Whether somebody has named the directory, and so expects that it is there. */
  readonly isNamed: boolean;
  readonly timeLimitSeconds: number;
  /** Whether output and success of triggers are logged, too. */
  readonly logsDetail: boolean;
  readonly events: EventLog & {
    read(range: { readonly afterSeq: number; readonly limit: number }): Promise<StoredEvent[]>;
  };
  /** Number of the last event that is not to be acted upon. */
  readonly afterSeq: number;
  /** Where that is kept. */
  readonly settings: SettingStore;
  /** Resolves when all that was written so far is durable. */
  settled(): Promise<void>;
  senderOf(endpoint: string): Promise<string>;
  /** Runs one, as the account that acts for its owner. */
  readonly run: RunTrigger;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** @see the head of this file */
export class TriggerService {
  readonly #options: TriggerServiceOptions;
  readonly #files: TriggerFiles;
  readonly #ending = new AbortController();
  readonly #running = new Set<Promise<void>>();
  readonly #cursor: TriggerCursor;
  #isStarted = false;
  #isLooking = false;
  #lookAgain = false;

  constructor(options: TriggerServiceOptions) {
    this.#options = options;
    this.#files = new TriggerFiles(options.directory);
    const { settings, afterSeq, logger } = options;
    const failed = (error: unknown): void => {
      logger.error({ err: error }, 'how far triggers were called could not be saved');
    };
    this.#cursor = new TriggerCursor({ settings, afterSeq, failed });
  }

  /** The server is up and listens. */
  start(apiPort: number): void {
    this.#isStarted = true;
    this.#warnOfDirectory();
    void this.#call({ name: 'launch', args: [String(apiPort)], owner: null, eventSeq: null });
    this.wake();
  }

  /** Starts no more, and ends those that run: only what waits is called by the next server. */
  async stop(): Promise<void> {
    this.#isStarted = false;
    this.#ending.abort();
    await Promise.all(this.#running);
    await this.#cursor.close();
  }

  /** There may be new events. */
  wake(): void {
    if (!this.#isStarted) return;
    this.#lookAgain = true;
    if (this.#isLooking) return;
    this.#look().catch((error: unknown) => {
      this.#options.logger.error({ err: error }, 'triggers could not be called');
    });
  }

  #warnOfDirectory(): void {
    const { isNamed, logger } = this.#options;
    const { directory, directoryFault: reason } = this.#files;
    if (!isNamed || reason === null) return;
    const message = `no trigger is run until the directory of --trigger-dir can be read: ${reason}`;
    logger.warn({ directory, reason }, message);
  }

  async #look(): Promise<void> {
    this.#isLooking = true;
    try {
      while (this.#lookAgain && this.#isStarted) {
        this.#lookAgain = false;
        for (let page = READ_EVENTS; page === READ_EVENTS && this.#isStarted; ) {
          page = await this.#page();
        }
      }
    } finally {
      this.#isLooking = false;
    }
  }

  /** Acts upon some events. @returns How many there were. */
  async #page(): Promise<number> {
    const { events, settled, senderOf } = this.#options;
    const page = await events.read({ afterSeq: this.#cursor.readSeq, limit: READ_EVENTS });
    const hasFiles = this.#files.names().size > 0;
    if (page.length > 0 && hasFiles) await settled();
    for (const event of page) {
      const calls = hasFiles ? await triggerCallsOf(event, senderOf) : [];
      if (!this.#isStarted) break;
      this.#cursor.begin(event.seq, calls.length);
      for (const call of calls) await this.#call(call);
    }
    return page.length;
  }

  /** Resolves when the trigger runs, need not, or must wait for the next server. */
  async #call(call: TriggerCall): Promise<void> {
    const ended = (): void => {
      if (call.eventSeq !== null) this.#cursor.ended(call.eventSeq);
    };
    if (!this.#files.names().has(call.name)) {
      ended();
      return;
    }
    while (this.#running.size >= TRIGGERS_RUNNING_MAX) await Promise.race(this.#running);
    if (!this.#isStarted) return;
    const run = this.#run(call).catch((error: unknown) => {
      this.#options.logger.error({ trigger: call.name, err: error }, 'a trigger is lost');
    });
    this.#running.add(run);
    void run.finally(() => {
      this.#running.delete(run);
      ended();
    });
  }

  async #run(call: TriggerCall): Promise<void> {
    const { events, timeLimitSeconds, logsDetail, run, clock, logger } = this.#options;
    const { name: trigger, owner } = call;
    const fault = this.#files.fault(trigger);
    const startMs = clock.monotonicMs();
    const end =
      fault !== null
        ? { exitCode: null, signal: null, reason: `it is not run: ${fault}`, output: '' }
        : await run({
            ...{ call, clock, keepsOutput: logsDetail },
            file: this.#files.pathOf(trigger),
            directory: this.#files.directory,
            timeLimitMs: timeLimitSeconds * 1000,
            signal: this.#ending.signal,
          });
    const durationMs = Math.round(clock.monotonicMs() - startMs);
    const { exitCode, reason, output } = end;
    const facts = { trigger, args: call.args, owner, durationMs, exitCode };
    const more = logsDetail ? { output } : {};
    if (reason !== null) {
      logger.error({ ...facts, ...more }, `a trigger has failed: ${reason}`);
      await events.append('triggerFailed', { trigger, reason, exitCode, durationMs });
      return;
    }
    if (logsDetail) logger.info({ ...facts, ...more }, 'a trigger has run');
    await events.append('triggerFinished', { trigger, durationMs });
  }
}
