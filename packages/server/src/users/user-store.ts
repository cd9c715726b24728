/** Built-in users as they are stored. */
import type { Database } from '../adapters/database/database.js';

export interface StoredUser {
  /** Given by the store; never used again, not even for a later user of this name. */
  readonly id: number;
  readonly name: string;
  readonly passwordHash: string;
  readonly locked: boolean;
  /** Account of the operating system whose files the user works with; null for none. */
  readonly osUser: string | null;
  /** Differs after every change and never comes again, not even for a later user of this name. */
  readonly version: number;
  readonly creationTimeUs: number;
}

/** What may change about a user. */
export type UserChange = Partial<Omit<StoredUser, 'id' | 'name'>>;

export interface UserStore {
  find(name: string): Promise<StoredUser | null>;
  list(): Promise<StoredUser[]>;
  /** @returns False when a user of this name, or of one that differs in case only, exists. */
  insert(user: Omit<StoredUser, 'id'>): Promise<boolean>;
  /** @returns False when there is no such user. */
  update(name: string, change: UserChange): Promise<boolean>;
  /** Removes a user with its API tokens and its wrangler right; false when there is no such user. */
  remove(name: string): Promise<boolean>;
}

/** Id of a built-in user among the ids of accounts; those of the operating system are numbers. */
export const builtInUserId = (id: number): string => `local:${id}`;

const columns = [
  ...(['id', 'name', 'passwordHash', 'locked', 'osUser', 'version', 'creationTimeUs'] as const),
] as const;

const fromRow = (row: Omit<StoredUser, 'locked'> & { locked: number }): StoredUser => ({
  ...row,
  locked: row.locked !== 0,
});

/** Users in the database. */
export class SqliteUserStore implements UserStore {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  async find(name: string): Promise<StoredUser | null> {
    const query = this.#db.selectFrom('users').select(columns).where('name', '=', name);
    const row = await query.executeTakeFirst();
    return row === undefined ? null : fromRow(row);
  }

  async list(): Promise<StoredUser[]> {
    const rows = await this.#db.selectFrom('users').select(columns).orderBy('name').execute();
    return rows.map(fromRow);
  }

  async insert(user: Omit<StoredUser, 'id'>): Promise<boolean> {
    const result = await this.#db
      .insertInto('users')
      .values({ ...user, nameFolded: user.name.toLowerCase(), locked: user.locked ? 1 : 0 })
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirst();
    return Number(result.numInsertedOrUpdatedRows ?? 0) > 0;
  }

  async update(name: string, change: UserChange): Promise<boolean> {
    const { locked, ...rest } = change;
    const result = await this.#db
      .updateTable('users')
      .set({ ...rest, ...(locked === undefined ? {} : { locked: locked ? 1 : 0 }) })
      .where('name', '=', name)
      .executeTakeFirst();
    return result.numUpdatedRows > 0n;
  }

  remove(name: string): Promise<boolean> {
    return this.#db.transaction().execute(async (transaction) => {
      // A later user of the same name must not inherit them.
      await transaction.deleteFrom('apiTokens').where('owner', '=', name).execute();
      const user = transaction.selectFrom('users').select('id').where('name', '=', name);
      const id = (await user.executeTakeFirst())?.id;
      if (id === undefined) return false;
      await transaction
        .deleteFrom('wranglers')
        .where('kind', '=', 'user')
        .where('id', '=', builtInUserId(id))
        .execute();
      const deletion = transaction.deleteFrom('users').where('name', '=', name);
      return (await deletion.executeTakeFirst()).numDeletedRows > 0n;
    });
  }
}
