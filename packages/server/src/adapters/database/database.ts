/**
 * The database of the server: SQLite in the state directory. What is committed survives a power
 * cut (`synchronous=FULL`).
 */
import { chmodSync, closeSync, existsSync, openSync } from 'node:fs';
import { join } from 'node:path';
import BetterSqlite from 'better-sqlite3';
import { migrations } from './migrations/migrations.js';
import { Kysely, Migrator, SqliteDialect } from './query-builder.js';
import type { Schema } from './schema.js';

/** Query builder over all tables. */
export type Database = Kysely<Schema>;

/** How long a statement waits for another process, such as `jetstream users`, to finish. */
const BUSY_TIMEOUT_MS = 5_000;

export const DATABASE_FILE = 'jetstream.db';

export interface OpenDatabase {
  readonly db: Database;
  /** A number that changes when another process has changed the database. */
  foreignChanges(): number;
  close(): Promise<void>;
}

const migrate = async (db: Database): Promise<void> => {
  const migrator = new Migrator({
    db,
    provider: { getMigrations: () => Promise.resolve({ ...migrations }) },
  });
  const { error, results } = await migrator.migrateToLatest();
  if (error === undefined) return;
  const failed = results?.find((result) => result.status === 'Error')?.migrationName;
  const where = failed === undefined ? 'its tables' : `migration "${failed}"`;
  throw new Error(`Cannot prepare the database: ${where} failed`, { cause: error });
};

const open = async (path: string): Promise<OpenDatabase> => {
  const sqlite = new BetterSqlite(path, { timeout: BUSY_TIMEOUT_MS });
  sqlite.pragma('journal_mode = WAL');
  sqlite.pragma('synchronous = FULL');
  sqlite.pragma('foreign_keys = ON');
  const db = new Kysely<Schema>({ dialect: new SqliteDialect({ database: sqlite }) });
  try {
    await migrate(db);
  } catch (error) {
    await db.destroy();
    throw error;
  }
  return {
    db,
    foreignChanges: () => Number(sqlite.pragma('data_version', { simple: true })),
    close: () => db.destroy(),
  };
};

/** Opens the database of a state directory and brings its tables up to date. */
export const openDatabase = (stateDir: string): Promise<OpenDatabase> => {
  const path = join(stateDir, DATABASE_FILE);
  // SQLite gives the files beside the database the same mode.
  closeSync(openSync(path, 'a', 0o600));
  chmodSync(path, 0o600);
  return open(path);
};

/**
 * The database of a state directory as it is, for reading only; a server may run on it.
 *
 * @returns Null when there is none.
 */
export const openDatabaseToRead = (
  stateDir: string,
): { readonly db: Database; close(): Promise<void> } | null => {
  const path = join(stateDir, DATABASE_FILE);
  if (!existsSync(path)) return null;
  const sqlite = new BetterSqlite(path, { readonly: true, timeout: BUSY_TIMEOUT_MS });
  const db = new Kysely<Schema>({ dialect: new SqliteDialect({ database: sqlite }) });
  return { db, close: () => db.destroy() };
};

/** A database that lives in memory, for tests. */
export const openMemoryDatabase = (): Promise<OpenDatabase> => open(':memory:');
