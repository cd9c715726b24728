/** Cancelled transfers whose receivers are still to be told. */
import type { Kysely, Migration } from '../query-builder.js';

export const withdrawals: Migration = {
  up: async (db: Kysely<unknown>) => {
    await db.schema
      .createTable('withdrawals')
      .addColumn('transferId', 'text', (column) => column.primaryKey())
      .addColumn('sendOrder', 'text', (column) => column.notNull())
      .addColumn('sinceUs', 'bigint', (column) => column.notNull())
      .execute();
  },
};
