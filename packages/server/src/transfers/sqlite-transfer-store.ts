/**
 * Transfers in the server's database. Columns hold what is searched for; the record as a whole is
 * JSON, because it is always read and written as a whole.
 */

import type { Database } from '../adapters/database/database.js';
import type { GroupCommit } from '../adapters/database/group-commit.js';
import { type Insertable, type RawBuilder, sql } from '../adapters/database/query-builder.js';
import type { TransferTables } from '../adapters/database/transfer-tables.js';
import type { CandidatePage } from '../collection/garbage-kind.js';
import type { UserData } from '../manifests/manifest-store.js';
import type { Caller } from '../sessions/caller.js';
import { visibleTo } from './owner-filter.js';
import { RECORD_DEFAULTS, type TransferRecord } from './transfer-record.js';
import { UNFINISHED_STATES } from './transfer-states.js';
import type { TransferPage, TransferStore } from './transfer-store.js';

const toRow = (record: TransferRecord): Insertable<TransferTables['transfers']> => ({
  id: record.id,
  manifestId: record.manifestId,
  destinationId: record.destinationId,
  status: record.status,
  owner: record.owner,
  ownerToken: record.ownerToken,
  ownerTokenSession: record.ownerTokenSession,
  userData: JSON.stringify(record.userData),
  record: JSON.stringify(record),
});

const fromRow = (row: { readonly record: string }): TransferRecord => ({
  ...RECORD_DEFAULTS,
  ...(JSON.parse(row.record) as TransferRecord),
});

/** Candidates for a collection after one of them, by time and id. */
const afterCandidate = (candidate: TransferRecord | null): RawBuilder<boolean> =>
  candidate === null
    ? sql<boolean>`1 = 1`
    : sql<boolean>`("endTimeUs", "id") > (${candidate.endTimeUs}, ${candidate.id})`;

export class SqliteTransferStore implements TransferStore {
  readonly #db: Database;
  readonly #commits: GroupCommit;

  constructor(db: Database, commits: GroupCommit) {
    this.#db = db;
    this.#commits = commits;
  }

  async insert(record: TransferRecord): Promise<void> {
    const row = toRow(record);
    await this.#commits.write((transaction) =>
      transaction.insertInto('transfers').values(row).execute(),
    );
  }

  async update(record: TransferRecord): Promise<void> {
    const row = toRow(record);
    await this.#commits.write((transaction) =>
      transaction.updateTable('transfers').set(row).where('id', '=', record.id).execute(),
    );
  }

  async remove(id: string): Promise<void> {
    await this.#commits.write((transaction) =>
      transaction.deleteFrom('transfers').where('id', '=', id).execute(),
    );
  }

  async find(id: string): Promise<TransferRecord | null> {
    const row = await this.#db
      .selectFrom('transfers')
      .select('record')
      .where('id', '=', id)
      .executeTakeFirst();
    return row === undefined ? null : fromRow(row);
  }

  async clear(): Promise<void> {
    await this.#commits.write((transaction) => transaction.deleteFrom('transfers').execute());
  }

  editUserData(id: string, edit: (userData: UserData) => UserData): Promise<UserData | null> {
    return this.#commits.write(async (transaction) => {
      const row = await transaction
        .selectFrom('transfers')
        .select('record')
        .where('id', '=', id)
        .executeTakeFirst();
      if (row === undefined) return null;
      const record = fromRow(row);
      const userData = edit(record.userData);
      const changed = toRow({ ...record, userData });
      await transaction.updateTable('transfers').set(changed).where('id', '=', id).execute();
      return userData;
    });
  }

  async list(caller: Caller, page: TransferPage): Promise<TransferRecord[]> {
    const { after, order, limit, offset } = page;
    let query = this.#db.selectFrom('transfers').select('record').where(visibleTo(caller));
    if (after !== null) query = query.where('id', order === 'oldest' ? '>' : '<', after);
    const rows = await query
      .orderBy('id', order === 'oldest' ? 'asc' : 'desc')
      .limit(limit)
      .offset(offset)
      .execute();
    return rows.map(fromRow);
  }

  async endedBefore(
    timeUs: number,
    page: CandidatePage<TransferRecord>,
  ): Promise<TransferRecord[]> {
    const rows = await this.#db
      .selectFrom('transfers')
      .select('record')
      .where('endTimeUs', '<=', timeUs)
      .where(afterCandidate(page.after))
      .orderBy('endTimeUs')
      .orderBy('id')
      .limit(page.limit)
      .execute();
    return rows.map(fromRow);
  }

  async sendsManifest(manifestId: string): Promise<boolean> {
    // In turn with the writes, so that it comes after all that were asked for.
    const row = await this.#commits.write((transaction) =>
      transaction
        .selectFrom('transfers')
        .select('id')
        .where('manifestId', '=', manifestId)
        .limit(1)
        .executeTakeFirst(),
    );
    return row !== undefined;
  }

  async unfinished(): Promise<TransferRecord[]> {
    const rows = await this.#db
      .selectFrom('transfers')
      .select('record')
      .where('status', 'in', [...UNFINISHED_STATES])
      .orderBy('id')
      .execute();
    return rows.map(fromRow);
  }
}
