/** Shared tokens, and who is in the middle of a download with one. */
import { type Kysely, type Migration, sql } from '../query-builder.js';

const createSharedTokens = async (db: Kysely<unknown>): Promise<void> => {
  await db.schema
    .createTable('sharedTokens')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('secretHash', 'text', (column) => column.notNull())
    .addColumn('passwordHash', 'text')
    .addColumn('description', 'text', (column) => column.notNull())
    .addColumn('manifestId', 'text', (column) => column.notNull())
    .addColumn('creationTimeUs', 'bigint', (column) => column.notNull())
    .addColumn('expiryTimeUs', 'bigint')
    .addColumn('downloadCount', 'integer', (column) => column.notNull().defaultTo(0))
    .addColumn('downloadLimit', 'integer')
    .addColumn('owner', 'text', (column) => column.notNull())
    .addColumn('ownerToken', 'text')
    .addColumn('ownerTokenSession', 'text')
    .addColumn('userData', 'text', (column) => column.notNull().defaultTo('{}'))
    .execute();
  const index = (name: string, columns: string[]) =>
    db.schema.createIndex(name).on('sharedTokens').columns(columns).execute();
  await index('sharedTokensByManifest', ['manifestId']);
  await index('sharedTokensByOwner', ['owner', 'creationTimeUs']);
  await index('sharedTokensByExpiry', ['expiryTimeUs']);
};

const createRedemptions = async (db: Kysely<unknown>): Promise<void> => {
  await db.schema
    .createTable('redemptions')
    .addColumn('linkId', 'text', (column) =>
      column.notNull().references('sharedTokens.id').onDelete('cascade'),
    )
    .addColumn('keyHash', 'text', (column) => column.notNull())
    .addColumn('address', 'text', (column) => column.notNull())
    .addColumn('untilUs', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('redemptionsKey', ['linkId', 'keyHash'])
    .execute();
  await db.schema
    .createIndex('redemptionsByAddress')
    .on('redemptions')
    .columns(['linkId', 'address'])
    .execute();
};

export const links: Migration = {
  up: async (db: Kysely<unknown>) => {
    await createSharedTokens(db);
    await createRedemptions(db);
    // How many transfers of one token run is asked for at each redemption.
    await sql`create index "transfersByOwnerToken" on "transfers" ("ownerToken")
      where "ownerToken" is not null`.execute(db);
  },
};
