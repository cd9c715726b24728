/** Sandbox mappings, wranglers, ids of built-in users, and API tokens that outlive their deletion. */
import { type Kysely, type Migration, sql } from '../query-builder.js';

const createMappings = (db: Kysely<unknown>): Promise<void> =>
  db.schema
    .createTable('sandboxMappings')
    .addColumn('userFolded', 'text', (column) => column.primaryKey())
    .addColumn('userName', 'text', (column) => column.notNull())
    .addColumn('roots', 'text', (column) => column.notNull())
    .execute();

const createWranglers = (db: Kysely<unknown>): Promise<void> =>
  db.schema
    .createTable('wranglers')
    .addColumn('kind', 'text', (column) => column.notNull().check(sql`kind in ('user', 'group')`))
    .addColumn('id', 'text', (column) => column.notNull())
    .addColumn('name', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('wranglersKey', ['kind', 'id'])
    .execute();

/** Users get an id that is never used again, so that a right given to it dies with the user. */
const addUserIds = async (db: Kysely<unknown>): Promise<void> => {
  await db.schema
    .createTable('usersWithId')
    .addColumn('id', 'integer', (column) => column.primaryKey().autoIncrement())
    .addColumn('name', 'text', (column) => column.notNull().unique())
    .addColumn('nameFolded', 'text', (column) => column.notNull().unique())
    .addColumn('passwordHash', 'text', (column) => column.notNull())
    .addColumn('locked', 'integer', (column) => column.notNull().defaultTo(0))
    .addColumn('version', 'integer', (column) => column.notNull().defaultTo(1))
    .addColumn('creationTimeUs', 'bigint', (column) => column.notNull())
    .execute();
  const columns = sql.raw(
    '"name", "nameFolded", "passwordHash", "locked", "version", "creationTimeUs"',
  );
  await sql`insert into "usersWithId" (${columns})
    select ${columns} from "users" order by "creationTimeUs", "name"`.execute(db);
  await db.schema.dropTable('users').execute();
  await db.schema.alterTable('usersWithId').renameTo('users').execute();
};

export const rights: Migration = {
  up: async (db: Kysely<unknown>) => {
    await createMappings(db);
    await createWranglers(db);
    await addUserIds(db);
    // A transfer that began with a token goes on after the token was deleted.
    await db.schema.alterTable('apiTokens').addColumn('deletedTimeUs', 'bigint').execute();
  },
};
