/**
 * Bandwidth limits of the server: kept in its database, changed by superusers, given to the data
 * plane at the start and with each change.
 */
import type { ServerInformation } from '@jetstream/contract';
import type { SettingStore } from '../adapters/database/settings.js';
import type { BandwidthLimits } from '../data/data-plane.js';
import type { EventLog } from '../events/event-log.js';
import type { Caller } from '../sessions/caller.js';
import {
  type BandwidthChange,
  type BandwidthSettings,
  bandwidthSettings,
  changedSettings,
  dataPlaneLimits,
  describeLimits,
  type LockedLimits,
  NO_LIMITS,
} from './bandwidth-settings.js';

/** Name of the setting that holds them. */
const SETTING = 'bandwidthLimits';

export interface BandwidthServiceOptions {
  readonly store: SettingStore;
  readonly events: EventLog;
  readonly locked: LockedLimits;
}

export class BandwidthService {
  readonly #options: BandwidthServiceOptions;
  /** As set by the API, without what the command line overrides. */
  #own = NO_LIMITS;
  /** Changes run one after the other, so that two at once lose nothing. */
  #turn: Promise<unknown> = Promise.resolve();
  #apply: (limits: BandwidthLimits) => void = () => undefined;
  #override: (limits: BandwidthLimits) => BandwidthLimits = (limits) => limits;

  constructor(options: BandwidthServiceOptions) {
    this.#options = options;
  }

  /** Reads what was set before. */
  async load(): Promise<void> {
    const text = await this.#options.store.read(SETTING);
    if (text !== null) this.#own = bandwidthSettings.parse(JSON.parse(text));
  }

  /** Applies the limits now and after each change. */
  attach(apply: (limits: BandwidthLimits) => void): void {
    this.#apply = apply;
    this.reapply();
  }

  /** Has something else decide last, what is locked excepted; see the timetable. */
  overrideBy(override: (limits: BandwidthLimits) => BandwidthLimits): void {
    this.#override = override;
  }

  /** What applies now. */
  get limits(): BandwidthLimits {
    return this.#override(dataPlaneLimits(this.#effective));
  }

  /** Applies the limits again, because what overrides them has changed. */
  reapply(): void {
    this.#apply(this.limits);
  }

  describe(): ServerInformation['bandwidthLimits'] {
    return describeLimits(this.#effective, this.#options.locked);
  }

  /**
   * Changes the limits that are given; resolves when the change is durable and the data plane knows
   * of it.
   *
   * @throws {CommandError} `conflict` for a locked limit, `invalid_params`; nothing changes then.
   */
  update(caller: Caller, change: BandwidthChange): Promise<void> {
    const run = this.#turn.then(() => this.#update(caller, change));
    this.#turn = run.catch(() => undefined);
    return run;
  }

  get #effective(): BandwidthSettings {
    return { ...this.#own, ...this.#options.locked.values };
  }

  async #update(caller: Caller, change: BandwidthChange): Promise<void> {
    const { store, events, locked } = this.#options;
    const effective = changedSettings(this.#effective, change, locked);
    // What is locked keeps its own value, for a start without the flag.
    const kept = Object.fromEntries([...locked.flags.keys()].map((key) => [key, this.#own[key]]));
    const own = bandwidthSettings.parse({ ...effective, ...kept });
    await Promise.all([
      events.append('bandwidthLimitsUpdated', { ...effective, by: caller.userName }),
      store.save(SETTING, JSON.stringify(own)),
    ]);
    this.#own = own;
    this.reapply();
  }
}
