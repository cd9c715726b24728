import { expect, it } from 'vitest';
import { aNumber } from '../harness/matchers.js';
import { expectLoginNeeded, failure, openSessions, target } from '../harness/sessions.js';

const sessions = openSessions();

interface Entry {
  readonly _event: string;
  readonly _timestamp: number;
  readonly [key: string]: unknown;
}

const log = async (params: object = {}): Promise<Entry[]> => {
  const superuser = await sessions.as('superuser');
  const answer = await superuser.call<{ eventLog: Entry[] }>('getEventLog', { ...params });
  expect(Object.keys(answer)).toEqual(['eventLog']);
  return answer.eventLog;
};

/** Leaves two events of a kind in the log. */
const makeDestinations = async (): Promise<void> => {
  const user = await sessions.as('user');
  for (const destinationPort of [4001, 4002]) {
    const params = { destinationAddress: '127.0.0.1', destinationPort };
    const { destinationId } = await user.call<{ destinationId: string }>(
      'send.createDestination',
      params,
    );
    await user.call('send.deleteDestination', { destinationId });
  }
};

it('returns all entries, oldest first, from the start of the server on', async () => {
  await makeDestinations();
  const entries = await log();
  expect(entries[0]).toMatchObject({ _event: 'serverStarted' });
  const times = entries.map(({ _timestamp }) => _timestamp);
  expect(times).toEqual([...times].sort((a, b) => a - b));
  for (const time of times) expect(Number.isSafeInteger(time)).toBe(true);
  expect(Math.abs((times.at(-1) ?? 0) / 1000 - Date.now())).toBeLessThan(60_000);
});

it('holds the entries of the example: serverStarted, and destinationCreated with its id', async () => {
  await makeDestinations();
  const created = await log({ eventName: 'destinationCreated' });
  expect(created.at(-2)).toMatchObject({
    _event: 'destinationCreated',
    _timestamp: aNumber,
    destinationId: '127.0.0.1:4001',
  });
});

it('filters by eventName', async () => {
  await makeDestinations();
  const entries = await log({ eventName: 'destinationCreated' });
  expect(entries.length).toBeGreaterThanOrEqual(2);
  expect(new Set(entries.map(({ _event }) => _event))).toEqual(new Set(['destinationCreated']));
  expect(await log({ eventName: 'noSuchEvent' })).toEqual([]);
});

it('filters by before and after, in microseconds, exclusive', async () => {
  await makeDestinations();
  const eventName = 'destinationCreated';
  const all = await log({ eventName });
  const [first, second] = all.slice(-2);
  const [from = 0, to = 0] = [first?._timestamp, second?._timestamp];
  expect(to).toBeGreaterThan(from);
  expect(await log({ eventName, after: from })).toEqual([second]);
  expect(await log({ eventName, before: from })).toEqual(all.slice(0, -2));
  expect(await log({ eventName, after: from, before: to })).toEqual([]);
  expect(await log({ eventName, after: from - 1, before: to })).toEqual([first]);
});

it('returns at most limit entries, the oldest', async () => {
  await makeDestinations();
  const all = await log();
  expect(await log({ limit: 2 })).toEqual(all.slice(0, 2));
  const after = all.at(-3)?._timestamp;
  expect(await log({ limit: 1, after })).toEqual([all.at(-2)]);
});

it('takes null for absent parameters', async () => {
  const names = ['eventName', 'before', 'after', 'limit'];
  const nulls = Object.fromEntries(names.map((name) => [name, null]));
  const all = await log();
  expect((await log(nulls)).slice(0, all.length)).toEqual(all);
});

it('shows a user own events only', async () => {
  await makeDestinations();
  const other = await sessions.as('other');
  const params = { eventName: 'destinationCreated' };
  const seen = await other.call<{ eventLog: Entry[] }>('getEventLog', params);
  // Other tests may have made some as this user.
  for (const entry of seen.eventLog) expect(entry).toMatchObject({ owner: target.other.userName });
  const user = await sessions.as('user');
  const { eventLog } = await user.call<{ eventLog: Entry[] }>('getEventLog', params);
  expect(eventLog.length).toBeGreaterThanOrEqual(2);
});

it('needs a login, and refuses impossible filters', async () => {
  await expectLoginNeeded(sessions, 'getEventLog');
  for (const params of [{ limit: 0 }, { before: 'now' }, { after: -1 }, { eventName: 7 }]) {
    const attempt = expect(log(params), JSON.stringify(params));
    await attempt.rejects.toMatchObject(failure('invalid_params'));
  }
});
