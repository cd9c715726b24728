/** Calls that were made with an idempotency key, and their answers. */
import type { Kysely, Migration } from 'kysely';

export const idempotency: Migration = {
  up: async (db: Kysely<unknown>) => {
    await db.schema
      .createTable('idempotentCalls')
      .addColumn('keyHash', 'text', (column) => column.primaryKey())
      .addColumn('owner', 'text', (column) => column.notNull())
      .addColumn('callDigest', 'text', (column) => column.notNull())
      .addColumn('sealedAnswer', 'blob')
      .addColumn('creationTimeUs', 'bigint', (column) => column.notNull())
      .execute();
    const index = (name: string, column: string) =>
      db.schema.createIndex(name).on('idempotentCalls').column(column).execute();
    await index('idempotentCallsByOwner', 'owner');
    await index('idempotentCallsByCreation', 'creationTimeUs');
  },
};
