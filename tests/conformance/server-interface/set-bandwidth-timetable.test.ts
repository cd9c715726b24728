import { afterEach, expect, it } from 'vitest';
import { openLab } from '../../integration/servers.js';
import { expectSuperuserOnly, failure, openSessions, target } from '../harness/sessions.js';

const sessions = openSessions();

interface Timetable {
  readonly entries: readonly object[];
  readonly timeZone: string;
  readonly activeEntry: number | null;
  readonly incomingRateLimit: number | null;
  readonly outgoingRateLimit: number | null;
}

const set = async (params: object): Promise<Timetable> =>
  (await sessions.as('superuser')).call<Timetable>('setBandwidthTimetable', { ...params });
const ALWAYS = {
  days: ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'],
  from: '00:00',
  to: '24:00',
};

afterEach(async () => {
  await set({ entries: [] });
});

it('applies the first entry that fits at once, in place of what was set before', async () => {
  const superuser = await sessions.as('superuser');
  const own = { outgoingLimitActive: true, outgoingRateLimit: 900_000 };
  await superuser.call('updateBandwidthLimits', own);
  const fast = { ...ALWAYS, outgoingRateLimit: 500_000 };
  const slow = { ...ALWAYS, outgoingRateLimit: 100_000, incomingRateLimit: 200_000 };
  const result = await set({ entries: [fast, slow], timeZone: 'Europe/Zurich' });
  expect(result).toMatchObject({
    entries: [fast, slow],
    timeZone: 'Europe/Zurich',
    activeEntry: 0,
  });
  expect(result.outgoingRateLimit).toBe(500_000);
  // What the entry does not name stays as it was set.
  expect(result.incomingRateLimit).toBeNull();
  const ended = await set({ entries: [] });
  expect(ended).toMatchObject({ entries: [], activeEntry: null, outgoingRateLimit: 900_000 });
  await superuser.call('updateBandwidthLimits', { outgoingLimitActive: false });
});

it('takes null for no limit, and the zone of the server when none is named', async () => {
  const { timeZone } = await set({ entries: [{ ...ALWAYS, incomingRateLimit: null }] });
  expect(timeZone).toBe(Intl.DateTimeFormat(undefined, { timeZone }).resolvedOptions().timeZone);
});

it('refuses what makes no sense and changes nothing', async () => {
  const kept = await set({ entries: [{ ...ALWAYS, outgoingRateLimit: 700_000 }], timeZone: 'UTC' });
  for (const params of [
    {},
    { entries: [{ ...ALWAYS, days: [] }] },
    { entries: [{ ...ALWAYS, days: ['someday'] }] },
    { entries: [{ ...ALWAYS, from: '24:30' }] },
    { entries: [{ ...ALWAYS, to: '9:00' }] },
    { entries: [{ ...ALWAYS, outgoingRateLimit: 0 }] },
    { entries: [{ ...ALWAYS, speed: 5 }] },
    { entries: [], timeZone: 'Mars/Olympus' },
  ]) {
    await expect(set(params), JSON.stringify(params)).rejects.toMatchObject(
      failure('invalid_params'),
    );
  }
  const superuser = await sessions.as('superuser');
  expect(await superuser.call('getBandwidthTimetable')).toEqual(kept);
});

it.skipIf(!target.startsServers)('raises for limits given on the command line', async () => {
  await using lab = openLab();
  const server = await lab.start('limited', { flags: ['--incoming-rate-limit=1000'] });
  const api = await lab.login(server);
  await api.server.superuser();
  const entry = { ...ALWAYS, days: ['mon' as const], incomingRateLimit: 2000 };
  await expect(api.server.setBandwidthTimetable([entry])).rejects.toMatchObject(
    failure('conflict'),
  );
});

it('is for superusers only', () =>
  expectSuperuserOnly(sessions, 'setBandwidthTimetable', { entries: [] }));
