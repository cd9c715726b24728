import type { GarbageCollectStructure } from '@jetstream/contract';
import { beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../adapters/clock/manual-clock.js';
import type { SettingStore } from '../adapters/database/settings.js';
import { silentLogger } from '../adapters/log/logger.js';
import type { EventLog } from '../events/event-log.js';
import {
  COLLECT_WAITING_MAX,
  FIRST_COLLECT_SECONDS,
  GARBAGE_DEFAULTS,
  GarbageCollector,
} from './garbage-collector.js';
import type { CollectRun, GarbageKind } from './garbage-kind.js';

const DAY_MS = 86_400_000;

let clock: ManualClock;
let runs: CollectRun[];
let told: [string, unknown][];
let saved: Map<string, string>;
/** What the next runs find. */
let found: number;

const store: SettingStore = {
  read: (name) => Promise.resolve(saved.get(name) ?? null),
  save: (name, value) => {
    saved.set(name, value);
    return Promise.resolve();
  },
};
const events: EventLog = {
  append: (name, fields) => {
    told.push([name, fields]);
    return Promise.resolve();
  },
};
const tokens: GarbageKind = {
  name: 'tokens',
  collect: (run) => {
    runs.push(run);
    return Promise.resolve(found);
  },
};

const collectorOf = (kinds: readonly GarbageKind[] = [tokens]): GarbageCollector =>
  new GarbageCollector({ kinds, store, events, clock, logger: silentLogger });

const started = async (settings?: Partial<GarbageCollectStructure>): Promise<GarbageCollector> => {
  if (settings !== undefined) {
    saved.set('garbageCollect', JSON.stringify({ ...GARBAGE_DEFAULTS, ...settings }));
  }
  const collector = collectorOf();
  await collector.start();
  return collector;
};

/** Lets the runs that are due happen. */
const pass = async (milliseconds: number): Promise<void> => {
  clock.advance(milliseconds);
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
};

beforeEach(() => {
  clock = new ManualClock();
  runs = [];
  told = [];
  saved = new Map();
  found = 0;
});

describe('GarbageCollector: by itself', () => {
  it('collects soon after the start, then after each interval, with the grace period', async () => {
    await started();
    await pass(FIRST_COLLECT_SECONDS * 1000 - 1);
    expect(runs).toHaveLength(0);
    await pass(1);
    expect(runs).toMatchObject([{ graceUs: 172_800_000_000, force: false, dryRun: false }]);
    expect(runs[0]?.nowUs).toBe(clock.nowUs());
    await pass(3_600_000 - 1);
    expect(runs).toHaveLength(1);
    await pass(1);
    expect(runs).toHaveLength(2);
  });

  it('says so in the event log only when something was removed', async () => {
    await started({ intervalSeconds: 60 });
    await pass(60_000);
    expect(told).toEqual([]);
    found = 3;
    await pass(60_000);
    expect(told).toMatchObject([
      ['garbageCollected', { by: null, force: false, counts: { tokens: 3, manifests: 0 } }],
    ]);
  });

  it('follows a new interval at once, also one longer than any timer', async () => {
    const collector = await started();
    const longest = { intervalSeconds: 2_147_483_647, timeLimitSeconds: 0 };
    expect(await collector.update(longest, 'boss')).toEqual(longest);
    await pass(30 * DAY_MS);
    expect(runs).toHaveLength(0);
    await collector.update({ intervalSeconds: 60 }, 'boss');
    await pass(60_000);
    expect(runs).toMatchObject([{ graceUs: 0 }]);
  });

  it('goes on after a failure', async () => {
    const failing: GarbageKind = {
      name: 'manifests',
      collect: () => Promise.reject(new Error('disk')),
    };
    const collector = collectorOf([tokens, failing]);
    await collector.start();
    await pass(FIRST_COLLECT_SECONDS * 1000);
    await pass(3_600_000);
    expect(runs).toHaveLength(2);
  });

  it('stops: a run ends before its next kind, and no other begins', async () => {
    const stopping: Promise<void>[] = [];
    const collector: GarbageCollector = collectorOf([
      {
        name: 'transfers',
        collect: async (run) => {
          stopping.push(collector.stop());
          expect(run.signal.aborted).toBe(true);
          return 1;
        },
      },
      tokens,
    ]);
    await collector.start();
    await pass(FIRST_COLLECT_SECONDS * 1000);
    expect(stopping).toHaveLength(1);
    await Promise.all(stopping);
    await pass(DAY_MS);
    expect(runs).toEqual([]);
  });
});

describe('GarbageCollector: settings', () => {
  it('keeps them, and leaves what is absent or null', async () => {
    const collector = await started();
    expect(collector.settings).toEqual({ intervalSeconds: 3600, timeLimitSeconds: 172_800 });
    await collector.update({ timeLimitSeconds: 0, intervalSeconds: null }, 'boss');
    await collector.update({ intervalSeconds: 61 }, 'boss');
    const settings = { intervalSeconds: 61, timeLimitSeconds: 0 };
    expect(collector.settings).toEqual(settings);
    expect((await started()).settings).toEqual(settings);
    expect(told.at(-1)).toEqual(['garbageCollectSettingsUpdated', { ...settings, by: 'boss' }]);
  });

  it.each([
    { intervalSeconds: 59 },
    { intervalSeconds: 2_147_483_648 },
    { intervalSeconds: 60.5 },
    { timeLimitSeconds: -1 },
    { timeLimitSeconds: 2_147_483_648 },
  ])('refuses %j, whoever asks, and changes nothing', async (change) => {
    const collector = await started();
    await expect(collector.update(change, 'boss')).rejects.toThrow();
    expect(collector.settings).toEqual(GARBAGE_DEFAULTS);
    expect([told, [...saved]]).toEqual([[], []]);
  });
});

describe('GarbageCollector: by a call', () => {
  it('disregards the grace period with force, and only counts in a dry run', async () => {
    const collector = await started();
    found = 2;
    const forced = await collector.collect({ force: true, dryRun: false, by: 'boss' });
    expect(forced).toMatchObject({ tokens: 2, manifests: 0, transfers: 0 });
    expect(runs).toMatchObject([{ force: true, graceUs: 0 }]);
    expect(told).toMatchObject([['garbageCollected', { force: true, by: 'boss' }]]);
    const dry = await collector.collect({ force: false, dryRun: true, by: 'boss' });
    expect(dry).toEqual(forced);
    expect(runs[1]).toMatchObject({ dryRun: true, graceUs: 172_800_000_000 });
    expect(told).toHaveLength(1);
  });

  it('runs one collection at a time, and lets only so many wait', async () => {
    let running = 0;
    let most = 0;
    const slow: GarbageKind = {
      name: 'tokens',
      collect: async () => {
        running += 1;
        most = Math.max(most, running);
        await new Promise((resolve) => setImmediate(resolve));
        running -= 1;
        return 0;
      },
    };
    const collector = collectorOf([slow]);
    const ask = (): Promise<unknown> =>
      collector.collect({ force: false, dryRun: true, by: 'boss' });
    const all = Array.from({ length: COLLECT_WAITING_MAX }, ask);
    await expect(ask()).rejects.toMatchObject({ code: 'too_many_requests' });
    await Promise.all(all);
    expect(most).toBe(1);
    await ask();
  });
});
