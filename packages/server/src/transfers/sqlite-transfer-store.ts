/**
 * Transfers in the server's database. Columns hold what is searched for; the record as a whole is
 * JSON, because it is always read and written as a whole.
 */
import type { Insertable } from 'kysely';
import type { Database } from '../adapters/database/database.js';
import type { GroupCommit } from '../adapters/database/group-commit.js';
import type { TransferTables } from '../adapters/database/transfer-tables.js';
import type { Page } from '../manifests/manifest-store.js';
import type { Caller } from '../sessions/caller.js';
import { visibleTo } from './owner-filter.js';
import type { TransferRecord } from './transfer-record.js';
import { UNFINISHED_STATES } from './transfer-states.js';
import type { TransferStore } from './transfer-store.js';

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

const fromRow = (row: { readonly record: string }): TransferRecord =>
  JSON.parse(row.record) as TransferRecord;

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

  async list(caller: Caller, page: Page): Promise<TransferRecord[]> {
    const rows = await this.#db
      .selectFrom('transfers')
      .select('record')
      .where(visibleTo(caller))
      .orderBy('id')
      .limit(page.limit)
      .offset(page.offset)
      .execute();
    return rows.map(fromRow);
  }

  async endedBefore(
    timeUs: number,
    page: { afterId: string; limit: number },
  ): Promise<TransferRecord[]> {
    const rows = await this.#db
      .selectFrom('transfers')
      .select('record')
      .where('endTimeUs', '<=', timeUs)
      .where('id', '>', page.afterId)
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
