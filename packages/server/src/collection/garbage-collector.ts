/**
 * Garbage collection: again and again after an interval, and when a superuser asks. One run at a
 * time; each goes through all kinds of objects in their order.
 */
import { CommandError, type GarbageCollectStructure } from '@jetstream/contract';
import { z } from 'zod';
import type { Clock, Timer } from '../adapters/clock/clock.js';
import type { SettingStore } from '../adapters/database/settings.js';
import type { Logger } from '../adapters/log/logger.js';
import type { EventLog } from '../events/event-log.js';
import { GARBAGE_NAMES, type GarbageKind, type GarbageName } from './garbage-kind.js';

/** Settings of a server that nobody has changed: every hour, what has been ready for two days. */
export const GARBAGE_DEFAULTS: GarbageCollectStructure = {
  intervalSeconds: 3600,
  timeLimitSeconds: 172_800,
};
/** Seconds after the start until the first run, so that short-lived servers collect as well. */
export const FIRST_COLLECT_SECONDS = 300;
/** Callers that may wait for a run at the same time. */
export const COLLECT_WAITING_MAX = 16;

const SETTING = 'garbageCollect';
const SECOND_US = 1_000_000;
/** Timers are set again and again for longer delays. */
const TIMER_MS_MAX = 86_400_000;
const INT32_MAX = 2_147_483_647;

const settingsSchema = z.object({
  intervalSeconds: z.int().min(60).max(INT32_MAX),
  timeLimitSeconds: z.int().min(0).max(INT32_MAX),
});

/** How many of each kind were removed, or would be. */
export type GarbageCounts = Record<GarbageName, number>;

export interface GarbageCollectorOptions {
  readonly kinds: readonly GarbageKind[];
  readonly store: SettingStore;
  readonly events: EventLog;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface CollectOptions {
  readonly force: boolean;
  readonly dryRun: boolean;
  /** User who asked; null for the server itself. */
  readonly by: string | null;
}

/** New values; what is absent or null stays as it is. */
export interface GarbageChange {
  readonly intervalSeconds?: number | null | undefined;
  readonly timeLimitSeconds?: number | null | undefined;
}

/** @see the head of this file */
export class GarbageCollector {
  readonly #options: GarbageCollectorOptions;
  readonly #stopped = new AbortController();
  #settings = GARBAGE_DEFAULTS;
  /** Runs and changes of the settings follow one another. */
  #turn: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #timer: Timer | null = null;

  constructor(options: GarbageCollectorOptions) {
    this.#options = options;
  }

  get settings(): GarbageCollectStructure {
    return this.#settings;
  }

  /** Reads the settings as they were left, and begins to collect. */
  async start(): Promise<void> {
    const text = await this.#options.store.read(SETTING);
    if (text !== null) this.#settings = settingsSchema.parse(JSON.parse(text));
    this.#arm(Math.min(FIRST_COLLECT_SECONDS, this.#settings.intervalSeconds));
  }

  /** Ends a run that is under way at its next step, and waits for that. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    this.#timer?.cancel();
    await this.#turn;
  }

  /** Resolves when the change is durable; a new interval begins now. */
  update(change: GarbageChange, by: string): Promise<GarbageCollectStructure> {
    return this.#next(async () => {
      const { store, events } = this.#options;
      const settings = settingsSchema.parse({
        intervalSeconds: change.intervalSeconds ?? this.#settings.intervalSeconds,
        timeLimitSeconds: change.timeLimitSeconds ?? this.#settings.timeLimitSeconds,
      });
      await Promise.all([
        events.append('garbageCollectSettingsUpdated', { ...settings, by }),
        store.save(SETTING, JSON.stringify(settings)),
      ]);
      const isNewInterval = settings.intervalSeconds !== this.#settings.intervalSeconds;
      this.#settings = settings;
      if (isNewInterval) this.#arm(settings.intervalSeconds);
      return settings;
    });
  }

  /**
   * Collects now.
   *
   * @throws {CommandError} `too_many_requests` when many wait for that already.
   */
  async collect(options: CollectOptions): Promise<GarbageCounts> {
    if (this.#waiting >= COLLECT_WAITING_MAX) {
      throw new CommandError(
        'too_many_requests',
        `Cannot collect garbage: ${this.#waiting} calls wait for that, expected fewer`,
      );
    }
    this.#waiting += 1;
    try {
      return await this.#next(() => this.#collect(options));
    } finally {
      this.#waiting -= 1;
    }
  }

  async #collect({ force, dryRun, by }: CollectOptions): Promise<GarbageCounts> {
    const { kinds, events, clock, logger } = this.#options;
    const { signal } = this.#stopped;
    const nowUs = clock.nowUs();
    const graceUs = force ? 0 : this.#settings.timeLimitSeconds * SECOND_US;
    const counts = Object.fromEntries(GARBAGE_NAMES.map((name) => [name, 0])) as GarbageCounts;
    for (const kind of kinds) {
      if (signal.aborted) break;
      counts[kind.name] += await kind.collect({ nowUs, graceUs, force, dryRun, signal });
    }
    if (dryRun) return counts;
    const isWorthTelling = by !== null || Object.values(counts).some((count) => count > 0);
    if (isWorthTelling) {
      logger.info({ counts, force, by }, 'garbage was collected');
      await events.append('garbageCollected', { force, counts, by });
    }
    return counts;
  }

  #next<T>(action: () => Promise<T>): Promise<T> {
    const next = this.#turn.then(action);
    this.#turn = next.catch(() => undefined);
    return next;
  }

  #arm(seconds: number): void {
    const { clock, logger } = this.#options;
    this.#timer?.cancel();
    if (this.#stopped.signal.aborted) return;
    const dueMs = clock.monotonicMs() + seconds * 1000;
    const wait = (): void => {
      const leftMs = dueMs - clock.monotonicMs();
      this.#timer = clock.after(Math.min(leftMs, TIMER_MS_MAX), leftMs > TIMER_MS_MAX ? wait : run);
    };
    const run = (): void => {
      this.#arm(this.#settings.intervalSeconds);
      this.collect({ force: false, dryRun: false, by: null }).catch((error: unknown) => {
        logger.error({ err: error }, 'garbage could not be collected');
      });
    };
    wait();
  }
}
