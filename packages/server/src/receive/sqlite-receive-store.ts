/** Received transfers and authorised clients in the server's database. */

import type { Database } from '../adapters/database/database.js';
import type { GroupCommit } from '../adapters/database/group-commit.js';
import { type Insertable, type RawBuilder, sql } from '../adapters/database/query-builder.js';
import type { TransferTables } from '../adapters/database/transfer-tables.js';
import type { CandidatePage } from '../collection/garbage-kind.js';
import type { Caller } from '../sessions/caller.js';
import { visibleTo } from '../transfers/owner-filter.js';
import type { ReceiveRecord } from './receive-record.js';
import type {
  AuthorizedClient,
  AuthorizedClientStore,
  ReceivePage,
  ReceiveStore,
  SourceCounts,
} from './receive-store.js';

const toRow = (record: ReceiveRecord): Insertable<TransferTables['receivedTransfers']> => ({
  id: record.id,
  peerKey: record.peerKey,
  status: record.status,
  endTimeUs: record.endTimeUs,
  owner: record.owner,
  ownerToken: record.ownerToken,
  ownerTokenSession: record.ownerTokenSession,
  userData: '{}',
  record: JSON.stringify(record),
});

const fromRow = (row: { readonly record: string }): ReceiveRecord =>
  JSON.parse(row.record) as ReceiveRecord;

const countWhere = (status: ReceiveRecord['status']) =>
  sql<number>`sum(case when status = ${status} then 1 else 0 end)`;

/** Candidates for a collection after one of them, by time and id. */
const afterCandidate = (candidate: ReceiveRecord | null): RawBuilder<boolean> =>
  candidate === null
    ? sql<boolean>`1 = 1`
    : sql<boolean>`("endTimeUs", "id") > (${candidate.endTimeUs}, ${candidate.id})`;

export class SqliteReceiveStore implements ReceiveStore {
  readonly #db: Database;
  readonly #commits: GroupCommit;

  constructor(db: Database, commits: GroupCommit) {
    this.#db = db;
    this.#commits = commits;
  }

  async insert(record: ReceiveRecord): Promise<void> {
    const row = toRow(record);
    await this.#commits.write((transaction) =>
      transaction.insertInto('receivedTransfers').values(row).execute(),
    );
  }

  async update(record: ReceiveRecord): Promise<void> {
    const row = toRow(record);
    await this.#commits.write((transaction) =>
      transaction.updateTable('receivedTransfers').set(row).where('id', '=', record.id).execute(),
    );
  }

  async find(id: string): Promise<ReceiveRecord | null> {
    const row = await this.#db
      .selectFrom('receivedTransfers')
      .select('record')
      .where('id', '=', id)
      .executeTakeFirst();
    return row === undefined ? null : fromRow(row);
  }

  async unfinished(): Promise<ReceiveRecord[]> {
    const rows = await this.#db
      .selectFrom('receivedTransfers')
      .select('record')
      .where('status', '=', 'receiving')
      .orderBy('id')
      .execute();
    return rows.map(fromRow);
  }

  async list(caller: Caller, { after, limit, order }: ReceivePage): Promise<ReceiveRecord[]> {
    let query = this.#db.selectFrom('receivedTransfers').select('record').where(visibleTo(caller));
    if (after !== null) query = query.where('id', order === 'oldest' ? '>' : '<', after);
    const sorted = query.orderBy('id', order === 'oldest' ? 'asc' : 'desc');
    return (await sorted.limit(limit).execute()).map(fromRow);
  }

  async sources(caller: Caller): Promise<SourceCounts[]> {
    const groups = await this.#db
      .selectFrom('receivedTransfers')
      .where(visibleTo(caller))
      .groupBy('peerKey')
      .select((build) => [
        'peerKey',
        countWhere('receiving').as('receiving'),
        countWhere('complete').as('complete'),
        countWhere('error').as('error'),
        build.fn.max('id').as('latestId'),
      ])
      .execute();
    const counts: SourceCounts[] = [];
    for (const { latestId, ...group } of groups) {
      const latest = await this.find(latestId);
      if (latest !== null) counts.push({ ...group, latest });
    }
    return counts;
  }

  async endedBefore(timeUs: number, page: CandidatePage<ReceiveRecord>): Promise<ReceiveRecord[]> {
    const rows = await this.#db
      .selectFrom('receivedTransfers')
      .select('record')
      .where('endTimeUs', '<=', timeUs)
      .where(afterCandidate(page.after))
      .orderBy('endTimeUs')
      .orderBy('id')
      .limit(page.limit)
      .execute();
    return rows.map(fromRow);
  }

  async remove(id: string): Promise<void> {
    await this.#commits.write((transaction) =>
      transaction.deleteFrom('receivedTransfers').where('id', '=', id).execute(),
    );
  }
}

export class SqliteAuthorizedClientStore implements AuthorizedClientStore {
  readonly #db: Database;
  readonly #commits: GroupCommit;

  constructor(db: Database, commits: GroupCommit) {
    this.#db = db;
    this.#commits = commits;
  }

  all(): Promise<AuthorizedClient[]> {
    return this.#db
      .selectFrom('authorizedClients')
      .selectAll()
      .orderBy('addedTimeUs')
      .orderBy('publicKey')
      .execute();
  }

  async add(client: AuthorizedClient): Promise<void> {
    await this.#commits.write((transaction) =>
      transaction
        .insertInto('authorizedClients')
        .values(client)
        .onConflict((conflict) => conflict.column('publicKey').doNothing())
        .execute(),
    );
  }

  async remove(publicKey: string): Promise<void> {
    await this.#commits.write((transaction) =>
      transaction.deleteFrom('authorizedClients').where('publicKey', '=', publicKey).execute(),
    );
  }
}
