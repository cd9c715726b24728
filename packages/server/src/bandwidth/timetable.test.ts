import { type TimetableEntry, WEEK_DAYS } from '@jetstream/contract';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../adapters/clock/manual-clock.js';
import { type OpenDatabase, openMemoryDatabase } from '../adapters/database/database.js';
import { GroupCommit } from '../adapters/database/group-commit.js';
import { SqliteSettingStore } from '../adapters/database/settings.js';
import { silentLogger } from '../adapters/log/logger.js';
import type { BandwidthLimits } from '../data/data-plane.js';
import { SqliteEventLog } from '../events/sqlite-event-log.js';
import type { Caller } from '../sessions/caller.js';
import { BandwidthService } from './bandwidth-service.js';
import { lockedBy } from './bandwidth-settings.js';
import { activeEntry, appliesAt, wallTimeIn } from './timetable.js';
import { TimetableService } from './timetable-service.js';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const WORKDAYS: TimetableEntry['days'] = ['mon', 'tue', 'wed', 'thu', 'fri'];
const BOSS = { userName: 'boss', level: 'superuser', token: null } as unknown as Caller;
const NO_FLAGS = {
  incomingRateLimit: null,
  outgoingRateLimit: null,
  incomingMaxConnections: null,
  borrowIncomingRate: null,
  borrowOutgoingRate: null,
};
const usOf = (iso: string): number => Date.parse(iso) * 1000;

describe('appliesAt', () => {
  const entry = (from: string, to: string, days = WORKDAYS): TimetableEntry => ({ days, from, to });

  it('takes the beginning and leaves the end', () => {
    const office = entry('08:00', '18:00');
    expect(appliesAt(office, { day: 0, minute: 480 })).toBe(true);
    expect(appliesAt(office, { day: 0, minute: 479 })).toBe(false);
    expect(appliesAt(office, { day: 4, minute: 1079 })).toBe(true);
    expect(appliesAt(office, { day: 4, minute: 1080 })).toBe(false);
    expect(appliesAt(office, { day: 5, minute: 600 })).toBe(false);
  });

  it('goes on into the next day when it ends not later than it begins', () => {
    const night = entry('22:00', '06:00', ['sun']);
    expect(appliesAt(night, { day: 6, minute: 1439 })).toBe(true);
    expect(appliesAt(night, { day: 0, minute: 0 })).toBe(true);
    expect(appliesAt(night, { day: 0, minute: 360 })).toBe(false);
    expect(appliesAt(night, { day: 6, minute: 100 })).toBe(false);
    const whole = entry('06:00', '06:00', ['mon']);
    expect(appliesAt(whole, { day: 1, minute: 359 })).toBe(true);
    expect(appliesAt(entry('00:00', '24:00', ['mon']), { day: 1, minute: 0 })).toBe(false);
  });

  it('property: an entry covers as many minutes of a week as its length says', () => {
    const minute = fc.integer({ min: 0, max: 1439 });
    const text = (value: number): string =>
      `${String(Math.floor(value / 60)).padStart(2, '0')}:${String(value % 60).padStart(2, '0')}`;
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.constantFrom(...WEEK_DAYS), { minLength: 1 }),
        minute,
        minute,
        (days, from, to) => {
          let covered = 0;
          for (let at = 0; at < 7 * 1440; at += 1) {
            const time = { day: Math.floor(at / 1440), minute: at % 1440 };
            if (appliesAt(entry(text(from), text(to), days), time)) covered += 1;
          }
          const length = to > from ? to - from : to - from + 1440;
          expect(covered).toBe(days.length * length);
        },
      ),
      { numRuns: 50 },
    );
  });
});

describe('wallTimeIn', () => {
  it('reads the clocks of a zone, also where they were put forward or back', () => {
    const zurich = wallTimeIn('Europe/Zurich');
    expect(zurich(usOf('2026-03-29T00:59:00Z'))).toEqual({ day: 6, minute: 119 });
    expect(zurich(usOf('2026-03-29T01:00:00Z'))).toEqual({ day: 6, minute: 180 });
    expect(zurich(usOf('2026-10-25T00:30:00Z'))).toEqual({ day: 6, minute: 150 });
    expect(zurich(usOf('2026-10-25T01:30:00Z'))).toEqual({ day: 6, minute: 150 });
    expect(wallTimeIn('Asia/Kathmandu')(usOf('2026-01-01T18:15:00Z'))).toEqual({
      ...{ day: 4, minute: 0 },
    });
  });

  it('the first entry that fits applies', () => {
    const entries: TimetableEntry[] = [
      { days: ['wed'], from: '12:00', to: '13:00' },
      { days: WORKDAYS, from: '08:00', to: '18:00' },
    ];
    expect(activeEntry(entries, { day: 2, minute: 750 })).toBe(0);
    expect(activeEntry(entries, { day: 2, minute: 900 })).toBe(1);
    expect(activeEntry(entries, { day: 6, minute: 900 })).toBeNull();
  });
});

describe('TimetableService', () => {
  const opened: { timetable: TimetableService; database: OpenDatabase }[] = [];
  afterEach(async () => {
    for (const { timetable, database } of opened.splice(0)) {
      timetable.stop();
      await database.close();
    }
  });

  const openLab = async (
    startIso: string,
    flags: Partial<typeof NO_FLAGS> = {},
    from?: OpenDatabase,
  ) => {
    const database = from ?? (await openMemoryDatabase());
    const { db } = database;
    const commits = new GroupCommit(db);
    const clock = new ManualClock(usOf(startIso));
    const events = new SqliteEventLog({ db, commits, clock });
    const store = new SqliteSettingStore(db, commits);
    const locked = lockedBy({ ...NO_FLAGS, ...flags });
    const bandwidth = new BandwidthService({ store, events, locked });
    const timetable = new TimetableService({
      ...{ store, events, clock, log: silentLogger, bandwidth, locked },
    });
    if (from === undefined) opened.push({ timetable, database });
    await bandwidth.load();
    await timetable.load();
    const applied: BandwidthLimits[] = [];
    bandwidth.attach((limits) => applied.push(limits));
    return { database, commits, clock, events, bandwidth, timetable, applied };
  };

  it('property over a week with a change of the clocks: limits are those of the wall clock', async () => {
    // Monday 2026-03-23 to Monday 2026-03-30; on Sunday at 02:00 clocks go to 03:00.
    const lab = await openLab('2026-03-22T23:00:00Z');
    await lab.timetable.set(BOSS, {
      timeZone: 'Europe/Zurich',
      entries: [
        { days: WORKDAYS, from: '08:00', to: '18:00', outgoingRateLimit: 50_000 },
        { days: ['sat'], from: '22:00', to: '04:00', outgoingRateLimit: 10_000 },
        {
          days: ['sun'],
          from: '12:00',
          to: '24:00',
          outgoingRateLimit: null,
          incomingRateLimit: 9,
        },
      ],
    });
    await lab.bandwidth.update(BOSS, { outgoingLimitActive: true, outgoingRateLimit: 200_000 });
    const hours = new Map<number | null, number>();
    const quarterMs = HOUR_MS / 4;
    for (let quarter = 0; quarter < 7 * 96 - 4; quarter += 1) {
      const limit = lab.applied.at(-1)?.outgoingKbps ?? null;
      hours.set(limit, (hours.get(limit) ?? 0) + 0.25);
      lab.clock.advance(quarterMs);
    }
    expect(new Date(lab.clock.nowUs() / 1000).toISOString()).toBe('2026-03-29T22:00:00.000Z');
    // The night from Saturday to Sunday has one hour less.
    expect(Object.fromEntries(hours)).toEqual({
      50000: 50,
      10000: 5,
      null: 12,
      200000: 7 * 24 - 1 - 50 - 5 - 12,
    });
    await new Promise((resolve) => setImmediate(resolve));
    await lab.commits.settled();
    const told = (await lab.events.read({ afterSeq: 0, limit: 1000 }))
      .filter(({ name }) => name === 'bandwidthTimetableApplied')
      .map(({ fields }) => fields['activeEntry']);
    const workweek: (number | null)[] = [0, null, 0, null, 0, null, 0, null, 0, null];
    expect(told).toEqual([null, ...workweek, 1, null, 2, null]);
  });

  it('an hour that comes twice is limited twice', async () => {
    const lab = await openLab('2026-10-24T22:00:00Z');
    const entry = { days: ['sun' as const], from: '02:00', to: '03:00', incomingRateLimit: 100 };
    await lab.timetable.set(BOSS, { timeZone: 'Europe/Zurich', entries: [entry] });
    const limited: string[] = [];
    for (let hour = 0; hour < 6; hour += 1) {
      if (lab.applied.at(-1)?.incomingKbps === 100) {
        limited.push(new Date(lab.clock.nowUs() / 1000).toISOString().slice(11, 16));
      }
      lab.clock.advance(HOUR_MS);
    }
    expect(limited).toEqual(['00:00', '01:00']);
  });

  it('is kept over a restart, changes at once, and ends with no entries', async () => {
    const lab = await openLab('2026-06-03T10:00:00Z');
    const entries = [
      { days: ['wed' as const], from: '09:00', to: '12:00', incomingMaxConnections: 3 },
    ];
    const set = await lab.timetable.set(BOSS, { entries, timeZone: 'UTC' });
    expect(set).toMatchObject({ entries, activeEntry: 0, incomingMaxConnections: 3 });
    expect(lab.applied.at(-1)).toMatchObject({ incomingConnectionsMax: 3, incomingKbps: null });
    const again = await openLab('2026-06-03T11:59:30Z', {}, lab.database);
    expect(again.timetable.describe()).toMatchObject({ timeZone: 'UTC', activeEntry: 0 });
    again.clock.advance(MINUTE_MS / 2);
    expect(again.timetable.describe().activeEntry).toBeNull();
    again.timetable.stop();
    const none = await lab.timetable.set(BOSS, { entries: [] });
    expect(none).toMatchObject({ entries: [], activeEntry: null, incomingMaxConnections: null });
  });

  it('refuses unknown zones and limits that the command line fixes; those stay fixed', async () => {
    const lab = await openLab('2026-06-03T10:00:00Z');
    const entries = [
      { days: ['wed' as const], from: '00:00', to: '24:00', outgoingRateLimit: 100 },
    ];
    await expect(lab.timetable.set(BOSS, { entries, timeZone: 'Mars/Olympus' })).rejects.toThrow(
      'Cannot use the time zone "Mars/Olympus"',
    );
    await lab.timetable.set(BOSS, { entries, timeZone: 'UTC' });
    const locked = await openLab(
      '2026-06-03T10:00:00Z',
      { outgoingRateLimit: 777 } as never,
      lab.database,
    );
    expect(locked.timetable.describe().outgoingRateLimit).toBe(777);
    await expect(locked.timetable.set(BOSS, { entries })).rejects.toThrow('--outgoing-rate-limit');
    locked.timetable.stop();
  });
});
