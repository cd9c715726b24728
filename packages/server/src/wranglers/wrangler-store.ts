/** Wranglers as they are stored. */
import type { Database } from '../adapters/database/database.js';
import type { GroupCommit } from '../adapters/database/group-commit.js';
import type { Account } from './account-directory.js';

export type WranglerKind = 'user' | 'group';

export interface StoredWrangler {
  readonly kind: WranglerKind;
  readonly id: string;
  /** The name that the right was given by. */
  readonly name: string;
}

export interface WranglerStore {
  /** In the order of their ids. */
  list(): Promise<StoredWrangler[]>;
  find(kind: WranglerKind, id: string): Promise<StoredWrangler | null>;
  count(): Promise<number>;
  /** Adds one, or gives one that is there another name. */
  save(wrangler: StoredWrangler): Promise<void>;
  remove(kind: WranglerKind, id: string): Promise<void>;
  /** Whether an account, or one of its groups, is among them. */
  includes(account: Account): Promise<boolean>;
}

/** Wranglers in the database. */
export class SqliteWranglerStore implements WranglerStore {
  readonly #db: Database;
  readonly #commits: GroupCommit;

  constructor(db: Database, commits: GroupCommit) {
    this.#db = db;
    this.#commits = commits;
  }

  list(): Promise<StoredWrangler[]> {
    return this.#db.selectFrom('wranglers').selectAll().orderBy('kind').orderBy('id').execute();
  }

  async find(kind: WranglerKind, id: string): Promise<StoredWrangler | null> {
    const query = this.#db.selectFrom('wranglers').selectAll();
    const row = await query.where('kind', '=', kind).where('id', '=', id).executeTakeFirst();
    return row ?? null;
  }

  async count(): Promise<number> {
    const row = await this.#db
      .selectFrom('wranglers')
      .select(({ fn }) => fn.countAll<number>().as('count'))
      .executeTakeFirstOrThrow();
    return Number(row.count);
  }

  async save(wrangler: StoredWrangler): Promise<void> {
    await this.#commits.write((transaction) =>
      transaction
        .insertInto('wranglers')
        .values(wrangler)
        .onConflict((conflict) =>
          conflict.columns(['kind', 'id']).doUpdateSet({ name: wrangler.name }),
        )
        .execute(),
    );
  }

  async remove(kind: WranglerKind, id: string): Promise<void> {
    await this.#commits.write((transaction) =>
      transaction.deleteFrom('wranglers').where('kind', '=', kind).where('id', '=', id).execute(),
    );
  }

  async includes(account: Account): Promise<boolean> {
    const all = await this.list();
    return all.some(({ kind, id }) =>
      kind === 'user' ? id === account.id : account.groupIds.has(id),
    );
  }
}
