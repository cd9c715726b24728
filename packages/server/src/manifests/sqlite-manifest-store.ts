/** Manifests in the server's database. */
import type { ErrorCode } from '@jetstream/contract';
import type { Database } from '../adapters/database/database.js';
import type { GroupCommit } from '../adapters/database/group-commit.js';
import {
  type Insertable,
  type RawBuilder,
  type Selectable,
  sql,
} from '../adapters/database/query-builder.js';
import type { TransferTables } from '../adapters/database/transfer-tables.js';
import type { CandidatePage } from '../collection/garbage-kind.js';
import type { Caller } from '../sessions/caller.js';
import { visibleTo } from '../transfers/owner-filter.js';
import type { ManifestRecord, ManifestStore, Page, UserData } from './manifest-store.js';

const toRow = (record: ManifestRecord): Insertable<TransferTables['manifests']> => ({
  ...record,
  userData: JSON.stringify(record.userData),
});

const fromRow = (row: Selectable<TransferTables['manifests']>): ManifestRecord => ({
  ...row,
  errorCode: row.errorCode as ErrorCode | null,
  userData: JSON.parse(row.userData) as UserData,
});

/** Candidates for a collection after one of them, by time and id. */
const afterCandidate = (candidate: ManifestRecord | null): RawBuilder<boolean> =>
  candidate === null
    ? sql<boolean>`1 = 1`
    : sql<boolean>`("creationTimeUs", "id") > (${candidate.creationTimeUs}, ${candidate.id})`;

export class SqliteManifestStore implements ManifestStore {
  readonly #db: Database;
  readonly #commits: GroupCommit;

  constructor(db: Database, commits: GroupCommit) {
    this.#db = db;
    this.#commits = commits;
  }

  async insert(record: ManifestRecord): Promise<void> {
    await this.#commits.write((transaction) =>
      transaction.insertInto('manifests').values(toRow(record)).execute(),
    );
  }

  async update(record: ManifestRecord): Promise<void> {
    const { userData: _kept, ...row } = toRow(record);
    await this.#commits.write((transaction) =>
      transaction.updateTable('manifests').set(row).where('id', '=', record.id).execute(),
    );
  }

  editUserData(id: string, edit: (userData: UserData) => UserData): Promise<UserData | null> {
    return this.#commits.write(async (transaction) => {
      const row = await transaction
        .selectFrom('manifests')
        .select('userData')
        .where('id', '=', id)
        .executeTakeFirst();
      if (row === undefined) return null;
      const userData = edit(JSON.parse(row.userData) as UserData);
      const changed = { userData: JSON.stringify(userData) };
      await transaction.updateTable('manifests').set(changed).where('id', '=', id).execute();
      return userData;
    });
  }

  async remove(id: string): Promise<void> {
    await this.#commits.write((transaction) =>
      transaction.deleteFrom('manifests').where('id', '=', id).execute(),
    );
  }

  async find(id: string): Promise<ManifestRecord | null> {
    const row = await this.#db
      .selectFrom('manifests')
      .selectAll()
      .where('id', '=', id)
      .executeTakeFirst();
    return row === undefined ? null : fromRow(row);
  }

  async list(caller: Caller, page: Page): Promise<ManifestRecord[]> {
    const rows = await this.#db
      .selectFrom('manifests')
      .selectAll()
      .where(visibleTo(caller))
      .orderBy('id')
      .limit(page.limit)
      .offset(page.offset)
      .execute();
    return rows.map(fromRow);
  }

  async unusedBefore(
    timeUs: number,
    page: CandidatePage<ManifestRecord> & { readonly nowUs: number },
  ): Promise<ManifestRecord[]> {
    const rows = await this.#db
      .selectFrom('manifests')
      .selectAll()
      .where('status', '!=', 'pending')
      .where('creationTimeUs', '<=', timeUs)
      .where(afterCandidate(page.after))
      .where(({ not, exists, selectFrom }) => {
        const using = selectFrom('transfers')
          .select('transfers.id')
          .whereRef('transfers.manifestId', '=', 'manifests.id')
          .where(({ or, eb }) => or([eb('endTimeUs', 'is', null), eb('endTimeUs', '>', timeUs)]));
        return not(exists(using));
      })
      .where(({ not, exists, selectFrom }) => {
        const sharing = selectFrom('sharedTokens')
          .select('sharedTokens.id')
          .whereRef('sharedTokens.manifestId', '=', 'manifests.id')
          .where(({ or, eb }) =>
            or([eb('expiryTimeUs', 'is', null), eb('expiryTimeUs', '>', page.nowUs)]),
          );
        return not(exists(sharing));
      })
      .orderBy('creationTimeUs')
      .orderBy('id')
      .limit(page.limit)
      .execute();
    return rows.map(fromRow);
  }

  async pending(): Promise<ManifestRecord[]> {
    const rows = await this.#db
      .selectFrom('manifests')
      .selectAll()
      .where('status', '=', 'pending')
      .execute();
    return rows.map(fromRow);
  }
}
