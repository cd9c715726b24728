/**
 * Fills the database of a stopped server with copies of a transfer that it has really made, under
 * other ids and times, so that what is added looks exactly like what the server writes.
 */
import { join } from 'node:path';
import BetterSqlite from 'better-sqlite3';

const ROWS_PER_COMMIT = 50_000;
/** Ids rise with time; these lie before all real ones. */
const ID_DIGITS = 32;

/** Tables that hold transfers, and the column that is not generated. */
export type TransferTable = 'transfers' | 'receivedTransfers';

export interface FillTransfersOptions {
  readonly stateDir: string;
  readonly table: TransferTable;
  readonly count: number;
  /** How many of them, the oldest, ended so long ago that they may be collected. */
  readonly oldCount: number;
  readonly progress: (done: number) => void;
}

const DAY_US = 86_400_000_000;

/** Id of the n-th added transfer. */
export const filledId = (number: number): string => number.toString(16).padStart(ID_DIGITS, '0');

/** Adds finished transfers; the server must not run, and must have one finished transfer. */
export function fillTransfers(options: FillTransfersOptions): void {
  const { stateDir, table, count, oldCount, progress } = options;
  const sqlite = new BetterSqlite(join(stateDir, 'jetstream.db'));
  sqlite.pragma('synchronous = off');
  const row = sqlite.prepare(`select * from "${table}" limit 1`).get() as Record<string, unknown>;
  if (table === 'transfers') delete row['endTimeUs'];
  const record = JSON.parse(String(row['record'])) as Record<string, unknown>;
  const names = Object.keys(row);
  const insert = sqlite.prepare(
    `insert into "${table}" (${names.map((name) => `"${name}"`).join(', ')})
     values (${names.map((name) => `@${name}`).join(', ')})`,
  );
  const nowUs = Date.now() * 1000;
  const add = (number: number): void => {
    const id = filledId(number);
    const endTimeUs = number <= oldCount ? nowUs - 10 * DAY_US + number : nowUs - DAY_US + number;
    const copy = { ...record, id, requestTimeUs: endTimeUs - 1e6, endTimeUs };
    const times = table === 'receivedTransfers' ? { endTimeUs } : {};
    insert.run({ ...row, ...times, id, record: JSON.stringify(copy) });
  };
  for (let done = 0; done < count; ) {
    const end = Math.min(count, done + ROWS_PER_COMMIT);
    sqlite.transaction(() => {
      for (let number = done + 1; number <= end; number += 1) add(number);
    })();
    done = end;
    progress(done);
  }
  sqlite.pragma('wal_checkpoint(truncate)');
  sqlite.close();
}
