import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../adapters/clock/clock.js';
import { ManualClock } from '../adapters/clock/manual-clock.js';
import { type OpenDatabase, openDatabase } from '../adapters/database/database.js';
import { GroupCommit } from '../adapters/database/group-commit.js';
import { type LabSocket, ServerLab } from '../server-lab.conformance.js';
import { FEED_TAIL_MAX } from './event-feed.js';
import { EVENTS_SLICE } from './event-handlers.js';
import { SqliteEventLog } from './sqlite-event-log.js';

// A server each, on machines that may be busy with other tests.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let clock: ManualClock;
let lab: ServerLab;
let elsewhere: OpenDatabase | undefined;
/** The log as another process writes it, such as `jetstream users`. */
let foreign: SqliteEventLog;

const owned = (owner: string) => ({ owner, ownerToken: null, ownerTokenSession: null });

const appendAs = (owner: string, count: number, first = 0): Promise<unknown> =>
  Promise.all(
    Array.from({ length: count }, (_, index) =>
      foreign.append('manifestCreated', { manifestId: `${first + index}`, ...owned(owner) }),
    ),
  );

const names = async (session: LabSocket, filter = {}): Promise<string[]> =>
  (await session.call('getEventLog', filter)).eventLog.map((event) => event._event);

const superuser = async (): Promise<LabSocket> => {
  const session = await lab.connectLocal();
  await session.call('superuser');
  return session;
};

const open = async (): Promise<void> => {
  // Ahead of the time by which users are added, so that those events come first.
  clock = new ManualClock(systemClock.nowUs() + 3_600_000_000);
  lab = new ServerLab({}, clock);
  await lab.start();
  elsewhere = await openDatabase(lab.stateDir);
  foreign = new SqliteEventLog({
    db: elsewhere.db,
    commits: new GroupCommit(elsewhere.db),
    clock,
  });
};

const close = async (): Promise<void> => {
  await elsewhere?.close();
  await lab.dispose();
};

describe('getEventLog', () => {
  beforeEach(open);
  afterEach(close);

  it('shows users their own events, elevated sessions all of them', async () => {
    await lab.addUser('ann');
    const ann = await lab.connectUser('ann');
    const bob = await superuser();
    await appendAs('ann', 2);
    await appendAs('bob', 1, 2);
    const { eventLog } = await ann.call('getEventLog');
    expect(eventLog.map((event) => [event._event, event['owner'], event['manifestId']])).toEqual([
      ['loginSucceeded', 'ann', undefined],
      ['manifestCreated', 'ann', '0'],
      ['manifestCreated', 'ann', '1'],
    ]);
    expect(eventLog[0]).toMatchObject({ userName: 'ann', address: '127.0.0.1' });
    const all = await bob.call('getEventLog');
    expect(all.eventLog.map((event) => event._eventSeq)).toEqual(
      Array.from({ length: all.eventLog.length }, (_, index) => index + 1),
    );
    expect(await names(bob)).toContain('elevationGranted');
    expect(await names(bob, { eventName: 'manifestCreated' })).toHaveLength(3);
  });

  it('shows a token what its own session has done', async () => {
    const owner = await lab.connectLocal();
    const { token } = await owner.call('createAPIToken', {});
    const [one, other] = await Promise.all([lab.connect(), lab.connect()]);
    await one.call('authToken', { token, tokenSession: 'one' });
    await other.call('authToken', { token, tokenSession: 'other' });
    const ownerToken = token.split('.')[1] ?? '';
    const { userName } = await owner.call('getServerInfo');
    const fields = { owner: userName ?? '', ownerToken, ownerTokenSession: 'one' };
    await foreign.append('manifestCreated', { manifestId: 'm1', ...fields });
    expect(await names(one)).toEqual(['loginSucceeded', 'manifestCreated']);
    expect(await names(other)).toEqual(['loginSucceeded']);
    expect(await names(owner)).toContain('manifestCreated');
  });

  it('takes bounds as exclusive, and keeps the oldest under a limit', async () => {
    const session = await superuser();
    const times: number[] = [];
    for (let index = 0; index < 4; index += 1) {
      clock.advance(1000);
      times.push(clock.nowUs());
      await appendAs('ann', 1, index);
    }
    const ids = async (filter: object): Promise<unknown[]> =>
      (await session.call('getEventLog', { eventName: 'manifestCreated', ...filter })).eventLog.map(
        (event) => event['manifestId'],
      );
    const [first = 0, second = 0, third = 0, fourth = 0] = times;
    expect(await ids({})).toEqual(['0', '1', '2', '3']);
    expect(await ids({ after: first })).toEqual(['1', '2', '3']);
    expect(await ids({ before: fourth })).toEqual(['0', '1', '2']);
    expect(await ids({ after: first - 1, before: second + 1 })).toEqual(['0', '1']);
    expect(await ids({ after: third, before: second })).toEqual([]);
    expect(await ids({ limit: 2 })).toEqual(['0', '1']);
    expect(await ids({ after: first, limit: 1, before: null })).toEqual(['1']);
    expect(await names(session, { eventName: 'noSuchEvent' })).toEqual([]);
    expect(
      await names(session, { eventName: null, before: null, after: null, limit: null }),
    ).toEqual(await names(session));
  });

  it('sends long answers in slices, entries of equal times included, over both transports', async () => {
    const session = await superuser();
    const count = 2 * EVENTS_SLICE + 17;
    await appendAs('ann', count);
    const wanted = Array.from({ length: count }, (_, index) => String(index));
    const filter = { eventName: 'manifestCreated' };
    const all = await session.call('getEventLog', filter);
    expect(all.eventLog.map((event) => event['manifestId'])).toEqual(wanted);
    const limited = await session.call('getEventLog', { ...filter, limit: EVENTS_SLICE + 5 });
    expect(limited.eventLog).toEqual(all.eventLog.slice(0, EVENTS_SLICE + 5));
    const exact = await session.call('getEventLog', { ...filter, limit: EVENTS_SLICE });
    expect(exact.eventLog).toEqual(all.eventLog.slice(0, EVENTS_SLICE));
    const overHttp = await lab.api('getEventLog', filter, lab.localKey);
    expect(overHttp.eventLog).toEqual([]);
    const elevated = await lab.http('/api/getEventLog', {
      body: JSON.stringify(filter),
      headers: { authorization: `Bearer ${lab.localKey}`, 'x-jetstream-level': 'superuser' },
    });
    expect((elevated.json as typeof all).eventLog).toEqual(all.eventLog);
  });
});

describe('subscribe: events', () => {
  beforeEach(open);
  afterEach(close);

  const received = (session: LabSocket): Record<string, unknown>[] =>
    session.notifications.filter(({ topic }) => topic === 'events').map(({ item }) => item);
  const ids = (session: LabSocket): unknown[] =>
    received(session).flatMap((item) => item['manifestId'] ?? []);

  it('tells of events as they happen, in the form of getEventLog, to those who may see them', async () => {
    await lab.addUser('ann');
    const [ann, boss] = [await lab.connectUser('ann'), await superuser()];
    const { eventLog } = await boss.call('getEventLog');
    const subscribed = await boss.call('subscribe', { topics: ['events'] });
    expect(subscribed).toEqual({ eventSeq: eventLog.at(-1)?._eventSeq });
    await ann.call('subscribe', { topics: ['events', 'requests'] });
    await appendAs('ann', 1, 1);
    await appendAs('bob', 1, 2);
    await lab.connectUser('ann');
    await boss.until(() => received(boss).length === 3);
    await ann.until(() => received(ann).length === 2);
    const after = await boss.call('getEventLog');
    expect(received(boss)).toEqual(after.eventLog.slice(eventLog.length));
    expect(received(ann).map((item) => item['_event'])).toEqual([
      'manifestCreated',
      'loginSucceeded',
    ]);
  });

  it('tells of events of other processes within a second', async () => {
    const session = await superuser();
    await session.call('subscribe', { topics: ['events'] });
    await appendAs('ann', 1);
    clock.advance(1000);
    await session.until(() => ids(session).length === 1);
  });

  it('goes on after a broken connection without a gap or a repeat', async () => {
    const wanted = 3 * FEED_TAIL_MAX;
    const seen: number[] = [];
    let session = await superuser();
    let { eventSeq } = (await session.call('subscribe', { topics: ['events'] })) ?? { eventSeq: 0 };
    const begin = eventSeq;
    const writing = (async () => {
      for (let first = 0; first < wanted; first += 100) await appendAs('ann', 100, first);
    })();
    const done = (): boolean => ids(session).length + seen.length >= wanted;
    for (const breakAt of [50, 700, 1500]) {
      clock.advance(1000);
      await session.until(() => received(session).length + seen.length >= breakAt);
      session.socket.terminate();
      await session.closed;
      for (const item of received(session)) seen.push(item['_eventSeq'] as number);
      eventSeq = seen.at(-1) ?? eventSeq;
      session = await superuser();
      await session.call('subscribe', { topics: ['events'], afterEventSeq: eventSeq });
    }
    await writing;
    clock.advance(1000);
    await session.until(() => received(session).length + seen.length >= wanted + 6);
    expect(done()).toBe(true);
    for (const item of received(session)) seen.push(item['_eventSeq'] as number);
    // The entries of the test and those of its own logins.
    expect(seen).toEqual(seen.map((_, index) => begin + 1 + index));
  });

  it('ends with unsubscribe and with the login, and begins where it is told again', async () => {
    const session = await superuser();
    await session.call('subscribe', { topics: ['events'] });
    await session.call('unsubscribe', { topics: ['events'] });
    await appendAs('ann', 1);
    clock.advance(1000);
    await session.call('echo');
    expect(received(session)).toEqual([]);
    await session.call('subscribe', { topics: ['events'], afterEventSeq: 0 });
    await session.until(() => ids(session).length === 1);
    expect(received(session)[0]?.['_eventSeq']).toBe(1);
    await lab.addUser('ann');
    await session.call('auth', { userName: 'ann', password: 'ann-password' });
    const before = received(session).length;
    await appendAs('ann', 1, 9);
    clock.advance(1000);
    await session.call('echo');
    expect(received(session)).toHaveLength(before);
  });
});

describe('bad input', () => {
  beforeAll(open);
  afterAll(close);

  it.each([
    { limit: 0 },
    { limit: 1.5 },
    { before: -1 },
    { after: 'yesterday' },
    { eventName: 'x'.repeat(129) },
    { name: 'serverStarted' },
  ])('getEventLog refuses %j', async (params) => {
    const session = await lab.connectLocal();
    expect((await session.fail('getEventLog', params)).code).toBe('invalid_params');
  });

  it('getEventLog needs a login', async () => {
    const session = await lab.connect();
    expect((await session.fail('getEventLog')).code).toBe('not_authenticated');
  });

  it.each([
    { topics: ['transfers'], afterEventSeq: 1 },
    { topics: ['events'], afterEventSeq: -1 },
    { topics: ['events'], afterEventSeq: '1' },
    { topics: ['event'] },
    { topics: [] },
  ])('subscribe refuses %j', async (params) => {
    const session = await lab.connectLocal();
    expect((await session.fail('subscribe', params)).code).toBe('invalid_params');
  });

  it('subscribe needs a session', async () => {
    const headers = { authorization: `Bearer ${lab.localKey}` };
    const { code } = await lab.apiError('subscribe', { topics: ['events'] }, headers);
    expect(code).toBe('invalid_request');
  });
});
