/** Shared tokens in the server's database. */
import type { Insertable, Selectable, Transaction } from 'kysely';
import type { Database } from '../adapters/database/database.js';
import type { GroupCommit } from '../adapters/database/group-commit.js';
import type { LinkTables } from '../adapters/database/link-tables.js';
import type { Schema } from '../adapters/database/schema.js';
import type { Page } from '../manifests/manifest-store.js';
import type { Caller } from '../sessions/caller.js';
import { visibleTo } from '../transfers/owner-filter.js';
import { LINK_LIMITS } from './limits.js';
import type {
  LinkChange,
  LinkStore,
  Redemption,
  RedemptionOutcome,
  StoredLink,
} from './link-store.js';

type Row = Selectable<LinkTables['sharedTokens']>;

const toRow = (link: StoredLink): Insertable<LinkTables['sharedTokens']> => ({
  ...link,
  userData: JSON.stringify(link.userData),
});

const fromRow = (row: Row): StoredLink => ({
  ...row,
  userData: JSON.parse(row.userData) as StoredLink['userData'],
});

const countOne = async (
  transaction: Transaction<Schema>,
  id: string,
  nowUs: number,
): Promise<boolean> => {
  const result = await transaction
    .updateTable('sharedTokens')
    .set(({ eb }) => ({ downloadCount: eb('downloadCount', '+', 1) }))
    .where('id', '=', id)
    .where(({ or, eb, ref }) =>
      or([eb('downloadLimit', 'is', null), eb('downloadCount', '<', ref('downloadLimit'))]),
    )
    .where(({ or, eb }) => or([eb('expiryTimeUs', 'is', null), eb('expiryTimeUs', '>', nowUs)]))
    .executeTakeFirst();
  return result.numUpdatedRows > 0n;
};

const isKnown = async (transaction: Transaction<Schema>, given: Redemption): Promise<boolean> => {
  const live = transaction
    .selectFrom('redemptions')
    .select('keyHash')
    .where('linkId', '=', given.linkId)
    .where('untilUs', '>', given.nowUs);
  const own = await live.where('keyHash', '=', given.keyHash).executeTakeFirst();
  if (own !== undefined) return given.takes === 'rest' || !given.hadAll;
  if (given.takes === 'whole') return false;
  // A client without cookies that goes on is known by its address.
  return (await live.where('address', '=', given.address).executeTakeFirst()) !== undefined;
};

/** Keeps a new redemption, and of its link no more than the newest. */
const keep = async (transaction: Transaction<Schema>, given: Redemption): Promise<void> => {
  const { linkId, keyHash, address, untilUs } = given;
  await transaction
    .insertInto('redemptions')
    .values({ linkId, keyHash, address, untilUs })
    .onConflict((conflict) =>
      conflict.columns(['linkId', 'keyHash']).doUpdateSet({ address, untilUs }),
    )
    .execute();
  const tooOld = await transaction
    .selectFrom('redemptions')
    .select('keyHash')
    .where('linkId', '=', linkId)
    .orderBy('untilUs', 'desc')
    .limit(16)
    .offset(LINK_LIMITS.redemptionsPerLinkMax)
    .execute();
  for (const old of tooOld) {
    await transaction
      .deleteFrom('redemptions')
      .where('linkId', '=', linkId)
      .where('keyHash', '=', old.keyHash)
      .execute();
  }
};

export class SqliteLinkStore implements LinkStore {
  readonly #db: Database;
  readonly #commits: GroupCommit;

  constructor(db: Database, commits: GroupCommit) {
    this.#db = db;
    this.#commits = commits;
  }

  async insert(link: StoredLink): Promise<void> {
    await this.#commits.write((transaction) =>
      transaction.insertInto('sharedTokens').values(toRow(link)).execute(),
    );
  }

  async find(id: string): Promise<StoredLink | null> {
    const query = this.#db.selectFrom('sharedTokens').selectAll().where('id', '=', id);
    const row = await query.executeTakeFirst();
    return row === undefined ? null : fromRow(row);
  }

  async list(caller: Caller, page: Page): Promise<StoredLink[]> {
    const rows = await this.#db
      .selectFrom('sharedTokens')
      .selectAll()
      .where(visibleTo(caller))
      .orderBy('creationTimeUs')
      .orderBy('id')
      .limit(page.limit)
      .offset(page.offset)
      .execute();
    return rows.map(fromRow);
  }

  async countOf(owner: string): Promise<number> {
    const row = await this.#db
      .selectFrom('sharedTokens')
      .select(({ fn }) => fn.countAll<number>().as('count'))
      .where('owner', '=', owner)
      .executeTakeFirstOrThrow();
    return Number(row.count);
  }

  update(id: string, change: LinkChange): Promise<StoredLink | null> {
    const { userData, ...rest } = change;
    const set = userData === undefined ? rest : { ...rest, userData: JSON.stringify(userData) };
    return this.#commits.write(async (transaction) => {
      const row = await transaction
        .updateTable('sharedTokens')
        // A change of nothing is still a valid statement.
        .set({ id, ...set })
        .where('id', '=', id)
        .returningAll()
        .executeTakeFirst();
      // Whoever is in the middle of a download has shown the old password only.
      if (row !== undefined && change.passwordHash !== undefined) {
        await transaction.deleteFrom('redemptions').where('linkId', '=', id).execute();
      }
      return row === undefined ? null : fromRow(row);
    });
  }

  remove(id: string): Promise<boolean> {
    return this.#commits.write(async (transaction) => {
      const query = transaction.deleteFrom('sharedTokens').where('id', '=', id);
      return (await query.executeTakeFirst()).numDeletedRows > 0n;
    });
  }

  async refersTo(manifestId: string, nowUs: number): Promise<boolean> {
    const row = await this.#db
      .selectFrom('sharedTokens')
      .select('id')
      .where('manifestId', '=', manifestId)
      .where(({ or, eb }) => or([eb('expiryTimeUs', 'is', null), eb('expiryTimeUs', '>', nowUs)]))
      .executeTakeFirst();
    return row !== undefined;
  }

  async removeExpired(beforeUs: number): Promise<StoredLink[]> {
    const rows = await this.#commits.write((transaction) =>
      transaction
        .deleteFrom('sharedTokens')
        .where('expiryTimeUs', '<=', beforeUs)
        .returningAll()
        .execute(),
    );
    return rows.map(fromRow);
  }

  async countExpired(beforeUs: number): Promise<number> {
    const row = await this.#db
      .selectFrom('sharedTokens')
      .select(({ fn }) => fn.countAll<number>().as('count'))
      .where('expiryTimeUs', '<=', beforeUs)
      .executeTakeFirstOrThrow();
    return Number(row.count);
  }

  count(id: string, nowUs: number): Promise<boolean> {
    return this.#commits.write((transaction) => countOne(transaction, id, nowUs));
  }

  async uncount(id: string): Promise<void> {
    await this.#commits.write((transaction) =>
      transaction
        .updateTable('sharedTokens')
        .set(({ eb }) => ({ downloadCount: eb('downloadCount', '-', 1) }))
        .where('id', '=', id)
        .where('downloadCount', '>', 0)
        .execute(),
    );
  }

  redeem(redemption: Redemption): Promise<RedemptionOutcome> {
    return this.#commits.write(async (transaction) => {
      if (await isKnown(transaction, redemption)) return 'known';
      if (!(await countOne(transaction, redemption.linkId, redemption.nowUs))) return 'refused';
      await keep(transaction, redemption);
      return 'counted';
    });
  }

  async isRedeeming(linkId: string, keyHash: string, nowUs: number): Promise<boolean> {
    const row = await this.#db
      .selectFrom('redemptions')
      .select('untilUs')
      .where('linkId', '=', linkId)
      .where('keyHash', '=', keyHash)
      .executeTakeFirst();
    return row !== undefined && row.untilUs > nowUs;
  }

  async forgetRedemptions(nowUs: number): Promise<void> {
    await this.#commits.write((transaction) =>
      transaction.deleteFrom('redemptions').where('untilUs', '<=', nowUs).execute(),
    );
  }

  async unfinishedTransfers(linkId: string): Promise<number> {
    const row = await this.#db
      .selectFrom('transfers')
      .select(({ fn }) => fn.countAll<number>().as('count'))
      .where('ownerToken', '=', linkId)
      .where('endTimeUs', 'is', null)
      .executeTakeFirstOrThrow();
    return Number(row.count);
  }

  async hasTransfers(linkId: string, session: string): Promise<boolean> {
    const row = await this.#db
      .selectFrom('transfers')
      .select('id')
      .where('ownerToken', '=', linkId)
      .where('ownerTokenSession', '=', session)
      .executeTakeFirst();
    return row !== undefined;
  }
}
