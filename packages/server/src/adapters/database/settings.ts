/** Small facts about the server: names and values in the table `settings`. */
import type { Database } from './database.js';
import type { GroupCommit } from './group-commit.js';

/** Value of a setting that is kept once; stores and returns `make()` when there is none yet. */
export const settingOf = async (
  db: Database,
  name: string,
  make: () => string,
): Promise<string> => {
  await db
    .insertInto('settings')
    .values({ name, value: make() })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  const row = await db
    .selectFrom('settings')
    .select('value')
    .where('name', '=', name)
    .executeTakeFirstOrThrow();
  return row.value;
};

/** Settings that change while the server runs. */
export interface SettingStore {
  /** The value as it was saved, null before the first time. */
  read(name: string): Promise<string | null>;
  /** Resolves when the value is durable. */
  save(name: string, value: string): Promise<void>;
}

export class SqliteSettingStore implements SettingStore {
  readonly #db: Database;
  readonly #commits: GroupCommit;

  constructor(db: Database, commits: GroupCommit) {
    this.#db = db;
    this.#commits = commits;
  }

  async read(name: string): Promise<string | null> {
    const row = await this.#db
      .selectFrom('settings')
      .select('value')
      .where('name', '=', name)
      .executeTakeFirst();
    return row?.value ?? null;
  }

  save(name: string, value: string): Promise<void> {
    return this.#commits.write(async (transaction) => {
      await transaction
        .insertInto('settings')
        .values({ name, value })
        .onConflict((conflict) => conflict.column('name').doUpdateSet({ value }))
        .execute();
    });
  }
}
