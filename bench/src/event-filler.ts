/**
 * Fills the database of a stopped server with events, chained as the server chains them. Indexes are
 * taken away meanwhile and made again, which is much faster; what is left is the same database.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import BetterSqlite from 'better-sqlite3';

/** How often each event comes, of a million. The rest are transfers. */
const RARITY: readonly (readonly [name: string, perMillion: number])[] = [
  ['serverStarted', 10],
  ['sandboxMappingSet', 100],
  ['tokenCreated', 5_000],
  ['destinationCreated', 20_000],
  ['loginSucceeded', 250_000],
  ['manifestCreated', 150_000],
  ['transferCreated', 150_000],
];
const COMMON = 'transferUpdated';
const OWNERS = 1000;
const STEP_US_MAX = 200_000;
const EVENTS_PER_COMMIT = 100_000;

export interface FillOptions {
  readonly stateDir: string;
  readonly count: number;
  /** One of the owners, who makes a thousandth of the events. */
  readonly owner: string;
  readonly progress: (done: number) => void;
}

/** What lies between the first and the last event that was added. */
export interface Filled {
  readonly firstUs: number;
  readonly lastUs: number;
}

interface Master {
  readonly type: string;
  readonly name: string;
  readonly sql: string;
}

interface Head {
  readonly seq: number;
  readonly hash: string;
  readonly timeUs: number;
}

/** The same numbers at each run. */
const lcg = (): (() => number) => {
  let state = 42;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
};

function nameFor(random: number): string {
  let left = random * 1_000_000;
  for (const [name, perMillion] of RARITY) {
    left -= perMillion;
    if (left < 0) return name;
  }
  return COMMON;
}

/** Adds events; the server must not run. */
export function fillEvents({ stateDir, count, owner, progress }: FillOptions): Filled {
  const sqlite = new BetterSqlite(join(stateDir, 'jetstream.db'));
  sqlite.pragma('synchronous = off');
  const helpers = sqlite
    .prepare(
      `select type, name, sql from sqlite_master
       where tbl_name = 'events' and type in ('index', 'trigger') and sql is not null`,
    )
    .all() as Master[];
  for (const { type, name } of helpers) sqlite.exec(`drop ${type} "${name}"`);
  let head = sqlite
    .prepare('select seq, hash, timeUs from events order by seq desc limit 1')
    .get() as Head;
  const insert = sqlite.prepare(
    'insert into events (seq, timeUs, name, fields, previousHash, hash) values (?, ?, ?, ?, ?, ?)',
  );
  const random = lcg();
  const add = (): void => {
    const seq = head.seq + 1;
    const timeUs = head.timeUs + Math.ceil(random() * STEP_US_MAX);
    const name = nameFor(random());
    const number = Math.floor(random() * OWNERS);
    const who = JSON.stringify(number === 0 ? owner : `user-${number}`);
    // Keys in the order of the alphabet, as the server writes them.
    const fields = `{"errorCode":null,"errorMessage":"","owner":${who},"ownerToken":null,"ownerTokenSession":null,"status":"active","transferId":"${seq.toString(16).padStart(32, '0')}"}`;
    const hash = createHash('sha256')
      .update(`${head.hash}{"fields":${fields},"name":"${name}","seq":${seq},"timeUs":${timeUs}}`)
      .digest('hex');
    insert.run(seq, timeUs, name, fields, head.hash, hash);
    head = { seq, hash, timeUs };
  };
  const firstUs = head.timeUs;
  for (let done = 0; done < count; done += EVENTS_PER_COMMIT) {
    sqlite.transaction(() => {
      for (let at = done; at < Math.min(count, done + EVENTS_PER_COMMIT); at += 1) add();
    })();
    progress(Math.min(count, done + EVENTS_PER_COMMIT));
  }
  sqlite.prepare('update eventHead set seq = ?, hash = ?').run(head.seq, head.hash);
  for (const { sql } of helpers) sqlite.exec(sql);
  sqlite.pragma('wal_checkpoint(truncate)');
  sqlite.close();
  return { firstUs, lastUs: head.timeUs };
}
