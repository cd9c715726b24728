/** Settings, built-in users, API tokens and requests. */
import { type Kysely, type Migration, sql } from '../query-builder.js';

const createSettings = (db: Kysely<unknown>): Promise<void> =>
  db.schema
    .createTable('settings')
    .addColumn('name', 'text', (column) => column.primaryKey())
    .addColumn('value', 'text', (column) => column.notNull())
    .execute();

const createUsers = (db: Kysely<unknown>): Promise<void> =>
  db.schema
    .createTable('users')
    .addColumn('name', 'text', (column) => column.primaryKey())
    .addColumn('nameFolded', 'text', (column) => column.notNull().unique())
    .addColumn('passwordHash', 'text', (column) => column.notNull())
    .addColumn('locked', 'integer', (column) => column.notNull().defaultTo(0))
    .addColumn('version', 'integer', (column) => column.notNull().defaultTo(1))
    .addColumn('creationTimeUs', 'bigint', (column) => column.notNull())
    .execute();

const createTokens = async (db: Kysely<unknown>): Promise<void> => {
  await db.schema
    .createTable('apiTokens')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('secretHash', 'text', (column) => column.notNull())
    .addColumn('passwordHash', 'text')
    .addColumn('description', 'text', (column) => column.notNull())
    .addColumn('owner', 'text', (column) => column.notNull())
    .addColumn('creationTimeUs', 'bigint', (column) => column.notNull())
    .addColumn('expiryTimeUs', 'bigint')
    .addColumn('permissions', 'integer', (column) => column.notNull())
    .addColumn('path', 'text')
    .execute();
  await db.schema.createIndex('apiTokensByOwner').on('apiTokens').column('owner').execute();
};

const createRequests = async (db: Kysely<unknown>): Promise<void> => {
  await db.schema
    .createTable('requests')
    // Never reused, so that a remembered id cannot come to mean another request.
    .addColumn('id', 'integer', (column) => column.primaryKey().autoIncrement())
    .addColumn('method', 'text', (column) => column.notNull())
    .addColumn('owner', 'text', (column) => column.notNull())
    .addColumn('ownerToken', 'text')
    .addColumn('ownerTokenSession', 'text')
    .addColumn('status', 'text', (column) =>
      column.notNull().check(sql`status in ('pending', 'success', 'error')`),
    )
    .addColumn('submitTimeUs', 'bigint', (column) => column.notNull())
    .addColumn('endTimeUs', 'bigint')
    .addColumn('errorCode', 'text')
    .addColumn('errorMessage', 'text')
    .addColumn('errorDetails', 'text')
    .addColumn('resultJson', 'text')
    .addColumn('resultFileBytes', 'bigint')
    .execute();
  await db.schema.createIndex('requestsByEnd').on('requests').column('endTimeUs').execute();
};

export const control: Migration = {
  up: async (db: Kysely<unknown>) => {
    await createSettings(db);
    await createUsers(db);
    await createTokens(db);
    await createRequests(db);
  },
};
