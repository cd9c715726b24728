/** Destinations in the server's database. */
import type { Insertable } from 'kysely';
import type { Database } from '../adapters/database/database.js';
import type { GroupCommit } from '../adapters/database/group-commit.js';
import type { TransferTables } from '../adapters/database/transfer-tables.js';
import type { RatePolicy } from '../data/data-plane.js';
import type { DestinationRecord, DestinationStore } from './destination-store.js';

const toRow = (record: DestinationRecord): Insertable<TransferTables['destinations']> => ({
  ...record,
  userData: JSON.stringify(record.userData),
});

export class SqliteDestinationStore implements DestinationStore {
  readonly #db: Database;
  readonly #commits: GroupCommit;

  constructor(db: Database, commits: GroupCommit) {
    this.#db = db;
    this.#commits = commits;
  }

  async insert(record: DestinationRecord): Promise<void> {
    await this.#commits.write((transaction) =>
      transaction.insertInto('destinations').values(toRow(record)).execute(),
    );
  }

  async update(record: DestinationRecord): Promise<void> {
    await this.#commits.write((transaction) =>
      transaction
        .updateTable('destinations')
        .set(toRow(record))
        .where('id', '=', record.id)
        .execute(),
    );
  }

  async remove(id: string): Promise<void> {
    await this.#commits.write((transaction) =>
      transaction.deleteFrom('destinations').where('id', '=', id).execute(),
    );
  }

  async clear(): Promise<void> {
    await this.#commits.write((transaction) => transaction.deleteFrom('destinations').execute());
  }

  async all(): Promise<DestinationRecord[]> {
    const rows = await this.#db
      .selectFrom('destinations')
      .selectAll()
      .orderBy('sequence')
      .execute();
    return rows.map(({ sequence: _sequence, ...row }) => ({
      ...row,
      rateControlMethod: row.rateControlMethod as RatePolicy,
      userData: JSON.parse(row.userData) as DestinationRecord['userData'],
    }));
  }
}
