/**
 * The timetable of the bandwidth limits: kept in the database, set by superusers, looked at with the
 * beginning of every minute. It goes over what `updateBandwidthLimits` sets, and under what the
 * command line fixes.
 */
import {
  type BandwidthTimetable,
  CommandError,
  type Params,
  type TimetableEntry,
  timetableEntry,
} from '@jetstream/contract';
import { z } from 'zod';
import type { Clock, Timer } from '../adapters/clock/clock.js';
import type { SettingStore } from '../adapters/database/settings.js';
import type { Logger } from '../adapters/log/logger.js';
import type { BandwidthLimits } from '../data/data-plane.js';
import type { EventValue } from '../events/event-fields.js';
import type { EventLog } from '../events/event-log.js';
import type { Caller } from '../sessions/caller.js';
import type { BandwidthService } from './bandwidth-service.js';
import type { LockedLimits } from './bandwidth-settings.js';
import {
  activeEntry,
  checkTimeZone,
  ownTimeZone,
  type Timetable,
  type WallTime,
  wallTimeIn,
  withEntry,
} from './timetable.js';

/** Name of the setting that holds it. */
const SETTING = 'bandwidthTimetable';
const MINUTE_MS = 60_000;

const stored = z.object({ entries: z.array(timetableEntry), timeZone: z.string() });

const eventValueOf = (entry: TimetableEntry): EventValue =>
  Object.fromEntries(Object.entries(entry).filter(([, value]) => value !== undefined)) as Record<
    string,
    EventValue
  >;

const isLocked = ({ flags }: LockedLimits, name: string): boolean =>
  [...flags.keys()].some((limit) => limit === name);

export interface TimetableServiceOptions {
  readonly store: SettingStore;
  readonly events: EventLog;
  readonly clock: Clock;
  readonly log: Logger;
  readonly bandwidth: BandwidthService;
  readonly locked: LockedLimits;
}

/** @see the head of this file */
export class TimetableService {
  readonly #options: TimetableServiceOptions;
  /** Null until one has been set: a server without one need not find out its zone at its start. */
  #timetable: Timetable | null = null;
  #wallTime: ((timeUs: number) => WallTime) | null = null;
  #active: number | null = null;
  #timer: Timer | null = null;

  constructor(options: TimetableServiceOptions) {
    this.#options = options;
    options.bandwidth.overrideBy((limits) => this.#override(limits));
  }

  /** Reads what was set before, and begins to follow it. */
  async load(): Promise<void> {
    const text = await this.#options.store.read(SETTING);
    if (text !== null) this.#use(stored.parse(JSON.parse(text)));
    this.#active = this.#activeNow();
    this.#arm();
  }

  stop(): void {
    this.#timer?.cancel();
  }

  describe(): BandwidthTimetable {
    const { incomingKbps, outgoingKbps, incomingConnectionsMax } = this.#options.bandwidth.limits;
    return {
      entries: [...this.#entries],
      timeZone: this.#timetable?.timeZone ?? ownTimeZone(),
      activeEntry: this.#active,
      incomingRateLimit: incomingKbps,
      outgoingRateLimit: outgoingKbps,
      incomingMaxConnections: incomingConnectionsMax,
    };
  }

  /** @throws {CommandError} `invalid_params`, `conflict` for a limit that the command line fixes. */
  async set(caller: Caller, params: Params<'setBandwidthTimetable'>): Promise<BandwidthTimetable> {
    const { store, events } = this.#options;
    const timeZone = checkTimeZone(params.timeZone ?? ownTimeZone());
    for (const entry of params.entries) this.#checkLocks(entry);
    const timetable = { entries: params.entries, timeZone };
    await Promise.all([
      events.append('bandwidthTimetableSet', {
        entries: params.entries.map(eventValueOf),
        timeZone,
        by: caller.userName,
      }),
      store.save(SETTING, JSON.stringify(timetable)),
    ]);
    this.#use(timetable);
    // What applies may be another entry with the same index.
    this.#change(this.#activeNow());
    return this.describe();
  }

  get #entries(): readonly TimetableEntry[] {
    return this.#timetable?.entries ?? [];
  }

  #use(timetable: Timetable): void {
    this.#timetable = timetable;
    this.#wallTime = wallTimeIn(timetable.timeZone);
  }

  #activeNow(): number | null {
    if (this.#wallTime === null) return null;
    return activeEntry(this.#entries, this.#wallTime(this.#options.clock.nowUs()));
  }

  #override(limits: BandwidthLimits): BandwidthLimits {
    const entry = this.#active === null ? undefined : this.#entries[this.#active];
    if (entry === undefined) return limits;
    // The server may have been started with other flags since.
    const free = Object.entries(entry).filter(([name]) => !isLocked(this.#options.locked, name));
    return withEntry(limits, Object.fromEntries(free) as TimetableEntry);
  }

  /** Looks again when the next minute begins; the system time may jump meanwhile. */
  #arm(): void {
    const { clock } = this.#options;
    const intoMinuteMs = (clock.nowUs() / 1000) % MINUTE_MS;
    this.#timer?.cancel();
    this.#timer = clock.after(MINUTE_MS - intoMinuteMs, () => {
      const active = this.#activeNow();
      if (active !== this.#active) this.#change(active);
      this.#arm();
    });
  }

  #change(active: number | null): void {
    const { bandwidth, events, log } = this.#options;
    this.#active = active;
    bandwidth.reapply();
    const { incomingRateLimit, outgoingRateLimit, incomingMaxConnections } = this.describe();
    const facts = { incomingRateLimit, outgoingRateLimit, incomingMaxConnections };
    events
      .append('bandwidthTimetableApplied', { activeEntry: active, ...facts })
      .catch((error: unknown) => log.error({ err: error }, 'cannot log an event'));
  }

  #checkLocks(entry: TimetableEntry): void {
    const { flags } = this.#options.locked;
    for (const limit of [
      'incomingRateLimit',
      'outgoingRateLimit',
      'incomingMaxConnections',
    ] as const) {
      const flag = flags.get(limit);
      if (flag === undefined || entry[limit] === undefined) continue;
      throw new CommandError(
        'conflict',
        `Cannot set "${limit}" by timetable: it is locked by ${flag} on the server's command line, expected a limit that is not`,
        { details: { parameter: limit, flag } },
      );
    }
  }
}
