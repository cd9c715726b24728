/** Sandbox mappings as they are stored. */
import type { Database } from '../adapters/database/database.js';
import type { GroupCommit } from '../adapters/database/group-commit.js';
import type { SandboxMapping } from './sandbox-mapping.js';

export interface StoredMapping {
  /** As it was given; '' is the system sandbox. */
  readonly userName: string;
  readonly mapping: SandboxMapping;
}

/** Names of one user that differ in case only are the same. */
export const foldUserName = (userName: string): string => userName.toLowerCase();

export interface SandboxStore {
  list(): Promise<StoredMapping[]>;
  /** Sets or replaces the mapping of a user. */
  save(stored: StoredMapping): Promise<void>;
  remove(userName: string): Promise<void>;
}

const textOf = (mapping: SandboxMapping): string =>
  JSON.stringify(mapping === false ? false : Object.fromEntries(mapping));

const mappingOf = (text: string): SandboxMapping => {
  const value = JSON.parse(text) as false | Record<string, string>;
  return value === false ? false : new Map(Object.entries(value));
};

/** Mappings in the database. */
export class SqliteSandboxStore implements SandboxStore {
  readonly #db: Database;
  readonly #commits: GroupCommit;

  constructor(db: Database, commits: GroupCommit) {
    this.#db = db;
    this.#commits = commits;
  }

  async list(): Promise<StoredMapping[]> {
    const rows = await this.#db
      .selectFrom('sandboxMappings')
      .select(['userName', 'roots'])
      .orderBy('userFolded')
      .execute();
    return rows.map(({ userName, roots }) => ({ userName, mapping: mappingOf(roots) }));
  }

  async save({ userName, mapping }: StoredMapping): Promise<void> {
    const values = { userName, roots: textOf(mapping) };
    await this.#commits.write((transaction) =>
      transaction
        .insertInto('sandboxMappings')
        .values({ userFolded: foldUserName(userName), ...values })
        .onConflict((conflict) => conflict.column('userFolded').doUpdateSet(values))
        .execute(),
    );
  }

  async remove(userName: string): Promise<void> {
    await this.#commits.write((transaction) =>
      transaction
        .deleteFrom('sandboxMappings')
        .where('userFolded', '=', foldUserName(userName))
        .execute(),
    );
  }
}
