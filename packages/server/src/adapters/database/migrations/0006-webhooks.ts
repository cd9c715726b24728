/** Webhooks, how far each has followed the event log, and what has become of each delivery. */
import { type Kysely, type Migration, sql } from '../query-builder.js';

const createHooks = (db: Kysely<unknown>): Promise<void> =>
  db.schema
    .createTable('webhooks')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('url', 'text', (column) => column.notNull())
    .addColumn('events', 'text', (column) => column.notNull())
    .addColumn('secret', 'text', (column) => column.notNull())
    .addColumn('description', 'text', (column) => column.notNull())
    .addColumn('creationTimeUs', 'bigint', (column) => column.notNull())
    .addColumn('cursorSeq', 'bigint', (column) => column.notNull())
    .execute();

const createDeliveries = async (db: Kysely<unknown>): Promise<void> => {
  await db.schema
    .createTable('webhookDeliveries')
    .addColumn('id', 'integer', (column) => column.primaryKey().autoIncrement())
    .addColumn('webhookId', 'text', (column) => column.notNull())
    .addColumn('eventSeq', 'bigint', (column) => column.notNull())
    .addColumn('eventName', 'text', (column) => column.notNull())
    .addColumn('status', 'text', (column) =>
      column.notNull().check(sql`status in ('pending', 'delivered', 'failed')`),
    )
    .addColumn('attempts', 'integer', (column) => column.notNull())
    .addColumn('nextTimeUs', 'bigint')
    .addColumn('lastTimeUs', 'bigint')
    .addColumn('httpStatus', 'integer')
    .addColumn('errorMessage', 'text', (column) => column.notNull())
    .addUniqueConstraint('webhookDeliveriesOnce', ['webhookId', 'eventSeq'])
    .execute();
  await sql`create index "webhookDeliveriesDue" on "webhookDeliveries" ("webhookId", "nextTimeUs")
    where "status" = 'pending'`.execute(db);
};

export const webhooks: Migration = {
  up: async (db: Kysely<unknown>) => {
    await createHooks(db);
    await createDeliveries(db);
  },
};
