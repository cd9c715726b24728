/** Manifests, destinations, transfers, received transfers, authorised clients and the event log. */
import { type Kysely, type Migration, sql } from '../query-builder.js';

type Columns = ReturnType<Kysely<unknown>['schema']['createTable']>;

/** What every owned object records, see `Ownership`. */
const withOwner = (table: Columns): Columns =>
  table
    .addColumn('owner', 'text', (column) => column.notNull())
    .addColumn('ownerToken', 'text')
    .addColumn('ownerTokenSession', 'text')
    .addColumn('userData', 'text', (column) => column.notNull().defaultTo('{}'));

const createManifests = async (db: Kysely<unknown>): Promise<void> => {
  await withOwner(db.schema.createTable('manifests'))
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('status', 'text', (column) =>
      column.notNull().check(sql`status in ('pending', 'complete', 'error')`),
    )
    .addColumn('errorCode', 'text')
    .addColumn('errorMessage', 'text', (column) => column.notNull())
    .addColumn('totalFiles', 'bigint')
    .addColumn('totalSize', 'bigint')
    .addColumn('creationTimeUs', 'bigint', (column) => column.notNull())
    .execute();
  await db.schema
    .createIndex('manifestsByOwner')
    .on('manifests')
    .columns(['owner', 'id'])
    .execute();
};

const createDestinations = async (db: Kysely<unknown>): Promise<void> => {
  await withOwner(db.schema.createTable('destinations'))
    // Rises by one per destination; ids hold no time.
    .addColumn('sequence', 'integer', (column) => column.primaryKey().autoIncrement())
    .addColumn('id', 'text', (column) => column.notNull().unique())
    .addColumn('address', 'text', (column) => column.notNull())
    .addColumn('port', 'integer', (column) => column.notNull())
    .addColumn('permittedPublicKey', 'text')
    .addColumn('publicKey', 'text')
    .addColumn('token', 'text')
    .addColumn('sendRateMax', 'real')
    .addColumn('rateControlMethod', 'text', (column) => column.notNull())
    .addColumn('minCipher', 'integer', (column) => column.notNull())
    .addColumn('creationTimeUs', 'bigint', (column) => column.notNull())
    .addColumn('ip', 'text')
    .addColumn('lastServerId', 'text')
    .addColumn('lastServerUid', 'text')
    .addColumn('lastErrorUs', 'bigint')
    .addColumn('lastErrorMessage', 'text')
    .addColumn('lastRecvTimeUs', 'bigint')
    .addColumn('lastSendTimeUs', 'bigint')
    .execute();
};

const createTransfers = async (db: Kysely<unknown>): Promise<void> => {
  await withOwner(db.schema.createTable('transfers'))
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('manifestId', 'text', (column) => column.notNull())
    .addColumn('destinationId', 'text', (column) => column.notNull())
    .addColumn('status', 'text', (column) => column.notNull())
    // Everything that is never searched for, as JSON: see `TransferRecord`.
    .addColumn('record', 'text', (column) => column.notNull())
    .execute();
  await db.schema.createIndex('transfersByStatus').on('transfers').column('status').execute();
  await db.schema
    .createIndex('transfersByOwner')
    .on('transfers')
    .columns(['owner', 'id'])
    .execute();
};

const createReceived = async (db: Kysely<unknown>): Promise<void> => {
  await withOwner(db.schema.createTable('receivedTransfers'))
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('peerKey', 'text', (column) => column.notNull())
    .addColumn('status', 'text', (column) =>
      column.notNull().check(sql`status in ('receiving', 'complete', 'error')`),
    )
    .addColumn('endTimeUs', 'bigint')
    // See `ReceiveRecord`.
    .addColumn('record', 'text', (column) => column.notNull())
    .execute();
  await db.schema
    .createIndex('receivedByEnd')
    .on('receivedTransfers')
    .column('endTimeUs')
    .execute();
  await db.schema
    .createTable('authorizedClients')
    .addColumn('publicKey', 'text', (column) => column.primaryKey())
    .addColumn('addedBy', 'text', (column) => column.notNull())
    .addColumn('addedTimeUs', 'bigint', (column) => column.notNull())
    .execute();
};

const createEvents = async (db: Kysely<unknown>): Promise<void> => {
  await db.schema
    .createTable('events')
    .addColumn('seq', 'integer', (column) => column.primaryKey())
    .addColumn('timeUs', 'bigint', (column) => column.notNull())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('fields', 'text', (column) => column.notNull())
    .addColumn('previousHash', 'text', (column) => column.notNull())
    .addColumn('hash', 'text', (column) => column.notNull())
    .execute();
  // The log only grows: even the server itself cannot change what is there.
  for (const action of ['update', 'delete']) {
    await sql
      .raw(
        `create trigger events_no_${action} before ${action} on events begin select raise(abort, 'events are never changed'); end`,
      )
      .execute(db);
  }
};

export const transfers: Migration = {
  up: async (db: Kysely<unknown>) => {
    await createManifests(db);
    await createDestinations(db);
    await createTransfers(db);
    await createReceived(db);
    await createEvents(db);
  },
};
