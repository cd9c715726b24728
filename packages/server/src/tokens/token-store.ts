/** API tokens as they are stored. */
import type { Database } from '../adapters/database/database.js';
import type { GroupCommit } from '../adapters/database/group-commit.js';

export interface StoredToken {
  readonly id: string;
  readonly secretHash: string;
  readonly passwordHash: string | null;
  readonly description: string;
  readonly owner: string;
  readonly creationTimeUs: number;
  /** Null for never. */
  readonly expiryTimeUs: number | null;
  readonly permissions: number;
  readonly path: string | null;
}

/** What may change about a token. */
export type TokenChange = Partial<Pick<StoredToken, 'expiryTimeUs' | 'description'>>;

export interface TokenStore {
  insert(token: StoredToken): Promise<void>;
  find(id: string): Promise<StoredToken | null>;
  /** A token that was deleted and is not forgotten yet. */
  findDeleted(id: string): Promise<StoredToken | null>;
  /** Tokens of one owner, or of all for null; oldest first. */
  list(owner: string | null, limit: number): Promise<StoredToken[]>;
  countOf(owner: string): Promise<number>;
  /** @returns False when there is none. */
  update(id: string, change: TokenChange): Promise<boolean>;
  /**
   * Deletes a token: nothing but {@link findDeleted} finds it any more.
   *
   * @returns False when there is none.
   */
  remove(id: string, nowUs: number): Promise<boolean>;
  /** Removes tokens that expired before a moment and returns them. */
  removeExpired(beforeUs: number): Promise<Pick<StoredToken, 'id' | 'owner'>[]>;
  /** How many of them there are. */
  countExpired(beforeUs: number): Promise<number>;
  /** Forgets tokens that were deleted before a moment. */
  forgetDeleted(beforeUs: number): Promise<void>;
}

const columns = [
  'id',
  'secretHash',
  'passwordHash',
  'description',
  'owner',
  'creationTimeUs',
  'expiryTimeUs',
  'permissions',
  'path',
] as const;

/** API tokens in the database. */
export class SqliteTokenStore implements TokenStore {
  readonly #db: Database;
  readonly #commits: GroupCommit;

  constructor(db: Database, commits: GroupCommit) {
    this.#db = db;
    this.#commits = commits;
  }

  async insert(token: StoredToken): Promise<void> {
    const values = { ...token, deletedTimeUs: null };
    await this.#commits.write((transaction) =>
      transaction.insertInto('apiTokens').values(values).execute(),
    );
  }

  async find(id: string): Promise<StoredToken | null> {
    const query = this.#db.selectFrom('apiTokens').select(columns).where('id', '=', id);
    return (await query.where('deletedTimeUs', 'is', null).executeTakeFirst()) ?? null;
  }

  async findDeleted(id: string): Promise<StoredToken | null> {
    const query = this.#db.selectFrom('apiTokens').select(columns).where('id', '=', id);
    return (await query.where('deletedTimeUs', 'is not', null).executeTakeFirst()) ?? null;
  }

  list(owner: string | null, limit: number): Promise<StoredToken[]> {
    const all = this.#db.selectFrom('apiTokens').select(columns).where('deletedTimeUs', 'is', null);
    const chosen = owner === null ? all : all.where('owner', '=', owner);
    return chosen.orderBy('creationTimeUs').orderBy('id').limit(limit).execute();
  }

  async countOf(owner: string): Promise<number> {
    const row = await this.#db
      .selectFrom('apiTokens')
      .select(({ fn }) => fn.countAll<number>().as('count'))
      .where('owner', '=', owner)
      .where('deletedTimeUs', 'is', null)
      .executeTakeFirstOrThrow();
    return Number(row.count);
  }

  update(id: string, change: TokenChange): Promise<boolean> {
    return this.#set(id, change);
  }

  remove(id: string, nowUs: number): Promise<boolean> {
    return this.#set(id, { deletedTimeUs: nowUs });
  }

  removeExpired(beforeUs: number): Promise<Pick<StoredToken, 'id' | 'owner'>[]> {
    return this.#commits.write((transaction) =>
      transaction
        .deleteFrom('apiTokens')
        .where('expiryTimeUs', '<', beforeUs)
        .where('deletedTimeUs', 'is', null)
        .returning(['id', 'owner'])
        .execute(),
    );
  }

  async countExpired(beforeUs: number): Promise<number> {
    const row = await this.#db
      .selectFrom('apiTokens')
      .select(({ fn }) => fn.countAll<number>().as('count'))
      .where('expiryTimeUs', '<', beforeUs)
      .where('deletedTimeUs', 'is', null)
      .executeTakeFirstOrThrow();
    return Number(row.count);
  }

  async forgetDeleted(beforeUs: number): Promise<void> {
    await this.#commits.write((transaction) =>
      transaction.deleteFrom('apiTokens').where('deletedTimeUs', '<', beforeUs).execute(),
    );
  }

  #set(id: string, change: TokenChange & { deletedTimeUs?: number }): Promise<boolean> {
    return this.#commits.write(async (transaction) => {
      const update = transaction.updateTable('apiTokens').set(change).where('id', '=', id);
      const result = await update.where('deletedTimeUs', 'is', null).executeTakeFirst();
      return result.numUpdatedRows > 0n;
    });
  }
}
