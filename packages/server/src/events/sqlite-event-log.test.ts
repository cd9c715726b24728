import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../adapters/clock/manual-clock.js';
import { type OpenDatabase, openMemoryDatabase } from '../adapters/database/database.js';
import { GroupCommit } from '../adapters/database/group-commit.js';
import { sql } from '../adapters/database/query-builder.js';
import { canonicalJson, type EventRow, findChainFault } from './event-chain.js';
import { SqliteEventLog } from './sqlite-event-log.js';
import { VERIFY_PAGE, verifyEvents } from './verify-events.js';

let database: OpenDatabase;
let clock: ManualClock;
let log: SqliteEventLog;

beforeEach(async () => {
  database = await openMemoryDatabase();
  clock = new ManualClock(1_485_547_699_055_816);
  log = new SqliteEventLog({ db: database.db, commits: new GroupCommit(database.db), clock });
});

afterEach(() => database.close());

const STARTED = { serverId: 'id', serverName: 'lab', version: '1', recvPort: 1 };
const OWNER = { owner: 'ann', ownerToken: null, ownerTokenSession: null };
const MAPPING = { userName: 'x', sandboxRoots: { b: '/1', a: '/2' }, by: null };

const appendThree = async (): Promise<void> => {
  await log.append('serverStarted', STARTED);
  clock.advance(9367);
  await Promise.all([
    log.append('destinationCreated', { destinationId: '127.0.0.1:8886', ...OWNER }),
    log.append('sandboxMappingSet', MAPPING),
  ]);
};

const rows = (): Promise<EventRow[]> =>
  database.db
    .selectFrom('events')
    .select(['seq', 'timeUs', 'name', 'fields', 'previousHash', 'hash'])
    .orderBy('seq')
    .execute();

/** Changes the log behind the back of the server. */
const tamper = async (...statements: string[]): Promise<void> => {
  await sql`drop trigger if exists events_no_update`.execute(database.db);
  await sql`drop trigger if exists events_no_delete`.execute(database.db);
  for (const statement of statements) await sql.raw(statement).execute(database.db);
};

describe('SqliteEventLog', () => {
  it('keeps entries in the order of the calls, with their times and fields', async () => {
    await appendThree();
    expect(await log.read({ afterSeq: 0, limit: 10 })).toEqual([
      { seq: 1, timeUs: 1_485_547_699_055_816, name: 'serverStarted', fields: STARTED },
      {
        seq: 2,
        timeUs: 1_485_547_708_422_816,
        name: 'destinationCreated',
        fields: { destinationId: '127.0.0.1:8886', ...OWNER },
      },
      { seq: 3, timeUs: 1_485_547_708_422_816, name: 'sandboxMappingSet', fields: MAPPING },
    ]);
    expect(await log.read({ afterSeq: 1, limit: 1 })).toMatchObject([{ seq: 2 }]);
  });

  it('tells listeners when an entry is there to be read', async () => {
    const seen: Promise<number>[] = [];
    log.onAppended(() => {
      seen.push(log.read({ afterSeq: 0, limit: 10 }).then((events) => events.length));
    });
    await appendThree();
    expect(await Promise.all(seen)).toEqual([1, 3, 3]);
  });

  it('refuses to change or delete an entry, even through the database', async () => {
    await appendThree();
    await expect(
      sql`update events set name = 'x' where seq = 2`.execute(database.db),
    ).rejects.toThrow('events are never changed');
    await expect(sql`delete from events where seq = 2`.execute(database.db)).rejects.toThrow(
      'events are never changed',
    );
  });
});

describe('verifyEvents', () => {
  it('finds nothing wrong with a log of several pages, and names its last entry', async () => {
    expect(await verifyEvents(database.db)).toEqual({ checked: 0, head: null, fault: null });
    const events = Array.from({ length: VERIFY_PAGE + 10 }, () =>
      log.append('serverStarted', STARTED),
    );
    await Promise.all(events);
    const told: number[] = [];
    const { checked, head, fault } = await verifyEvents(database.db, {
      progress: (count) => told.push(count),
    });
    expect({ checked, fault }).toEqual({ checked: VERIFY_PAGE + 10, fault: null });
    expect(head).toEqual({ seq: VERIFY_PAGE + 10, hash: (await rows()).at(-1)?.hash });
    expect(told).toEqual([VERIFY_PAGE, VERIFY_PAGE + 10]);
  });

  it.each([
    ['an edited field', ["update events set fields = '{}' where seq = 3"], 3, 'changed'],
    ['spaces in the fields', ["update events set fields = fields || ' ' where seq = 2"], 2, 'chan'],
    ['a moved time', ['update events set timeUs = timeUs + 1 where seq = 1'], 1, 'changed'],
    ['a removed entry', ['delete from events where seq = 2'], 2, 'missing'],
    ['a removed beginning', ['delete from events where seq = 1'], 1, 'missing'],
    ['a removed end', ['delete from events where seq > 1'], 2, 'missing'],
    ['a log that was emptied', ['delete from events'], 1, 'missing'],
    [
      'a chain that was cut',
      [`update events set previousHash = '${'0'.repeat(64)}' where seq = 2`],
      2,
      'follow',
    ],
    [
      'a forgotten end',
      ['delete from events where seq = 3', 'delete from eventHead'],
      2,
      'record of the last entry',
    ],
  ])('finds %s', async (_name, statements, seq, word) => {
    await appendThree();
    await tamper(...statements);
    const { checked, fault } = await verifyEvents(database.db);
    expect(fault?.seq).toBe(seq);
    expect(fault?.reason).toContain(word);
    expect(checked).toBeLessThanOrEqual(seq);
  });

  it('goes on after an end that was cut off, so that the gap shows for good', async () => {
    await appendThree();
    await tamper('delete from events where seq = 3');
    await log.append('serverStarted', STARTED);
    expect((await verifyEvents(database.db)).fault).toEqual({
      seq: 3,
      reason: 'entry 3 is missing',
    });
  });

  it('finds a log that was made anew when an entry of the old one was noted', async () => {
    await appendThree();
    const noted = { seq: 2, hash: (await rows())[1]?.hash ?? '' };
    expect((await verifyEvents(database.db, { noted })).fault).toBeNull();
    await tamper('delete from events', 'delete from eventHead');
    await log.append('serverStarted', STARTED);
    expect((await verifyEvents(database.db)).fault).toBeNull();
    expect((await verifyEvents(database.db, { noted })).fault?.reason).toContain('missing');
    await log.append('serverStopped', { serverId: 'id' });
    expect((await verifyEvents(database.db, { noted })).fault).toEqual({
      seq: 2,
      reason: 'entry 2 is not the one that was noted',
    });
  });
});

describe('findChainFault', () => {
  it('property: any change of any entry is found', async () => {
    await appendThree();
    const events = await rows();
    expect(findChainFault(events, null)).toBeNull();
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 2 }),
        fc.record(
          {
            timeUs: fc.nat(),
            name: fc.constantFrom('loginFailed', 'serverStopped'),
            fields: fc.dictionary(fc.string(), fc.string(), { minKeys: 1 }).map(canonicalJson),
          },
          { requiredKeys: [] },
        ),
        (index, change) => {
          if (Object.keys(change).length === 0) return;
          const edited = events.map((event, at) =>
            at === index ? { ...event, ...(change as object) } : event,
          );
          expect(findChainFault(edited, null)?.seq).toBe(index + 1);
        },
      ),
    );
  });
});

describe('canonicalJson', () => {
  it('property: does not depend on the order of keys, and is JSON of the same value', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string(), fc.oneof(fc.integer(), fc.string(), fc.boolean())),
        (value) => {
          const reversed = Object.fromEntries(Object.entries(value).reverse());
          expect(canonicalJson(reversed)).toBe(canonicalJson(value));
          expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
        },
      ),
    );
  });
});
