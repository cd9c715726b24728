import { afterAll, expect, it } from 'vitest';
import { expectSuperuserOnly, openSessions } from '../harness/sessions.js';

const sessions = openSessions();

afterAll(async () => {
  await (await sessions.as('superuser')).call('setBandwidthTimetable', { entries: [] });
});

it('returns the entries as they were set, their zone and what applies now', async () => {
  const superuser = await sessions.as('superuser');
  const days = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];
  const entries = [
    {
      days,
      from: '00:00',
      to: '24:00',
      incomingRateLimit: 800_000,
      incomingMaxConnections: 100_000,
    },
  ];
  await superuser.call('setBandwidthTimetable', { entries, timeZone: 'UTC' });
  expect(await superuser.call('getBandwidthTimetable')).toEqual({
    ...{ entries, timeZone: 'UTC', activeEntry: 0 },
    ...{ incomingRateLimit: 800_000, incomingMaxConnections: 100_000 },
    outgoingRateLimit: expect.toSatisfy(
      (limit: unknown) => limit === null || typeof limit === 'number',
    ) as unknown,
  });
});

it('has no entries and nothing that applies while none is set', async () => {
  const superuser = await sessions.as('superuser');
  await superuser.call('setBandwidthTimetable', { entries: [] });
  expect(await superuser.call('getBandwidthTimetable')).toMatchObject({
    entries: [],
    activeEntry: null,
  });
});

it('is for superusers only', () => expectSuperuserOnly(sessions, 'getBandwidthTimetable', {}));
