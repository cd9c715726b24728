/** What makes pages and collections fast over a million transfers. */
import { type Kysely, type Migration, sql } from '../query-builder.js';

/** Pages of a list: who may see it, then the order that it is shown in. */
const addListIndexes = async (db: Kysely<unknown>): Promise<void> => {
  for (const table of ['transfers', 'receivedTransfers', 'manifests']) {
    await sql
      .raw(
        `create index "${table}ByTokenSession"
          on "${table}" ("ownerToken", "ownerTokenSession", "id") where "ownerToken" is not null`,
      )
      .execute(db);
  }
  await db.schema
    .createIndex('receivedByOwner')
    .on('receivedTransfers')
    .columns(['owner', 'id'])
    .execute();
  // Holds all that counting senders needs.
  await db.schema
    .createIndex('receivedByPeer')
    .on('receivedTransfers')
    .columns(['peerKey', 'id', 'status', 'owner'])
    .execute();
  await db.schema
    .createIndex('receivedByStatus')
    .on('receivedTransfers')
    .columns(['status', 'id'])
    .execute();
};

/** Pages of a collection: by time, then by id. */
const addGarbageIndexes = async (db: Kysely<unknown>): Promise<void> => {
  for (const name of [
    'transfersByEnd',
    'receivedByEnd',
    'manifestsByCreation',
    'transfersByManifest',
  ]) {
    await db.schema.dropIndex(name).execute();
  }
  await sql`create index "transfersByEnd" on "transfers" ("endTimeUs", "id")
    where "endTimeUs" is not null`.execute(db);
  await sql`create index "receivedByEnd" on "receivedTransfers" ("endTimeUs", "id")
    where "endTimeUs" is not null`.execute(db);
  await db.schema
    .createIndex('manifestsByCreation')
    .on('manifests')
    .columns(['creationTimeUs', 'id'])
    .execute();
  await db.schema
    .createIndex('transfersByManifest')
    .on('transfers')
    .columns(['manifestId', 'endTimeUs'])
    .execute();
};

export const transferPages: Migration = {
  up: async (db: Kysely<unknown>) => {
    await addListIndexes(db);
    await addGarbageIndexes(db);
  },
};
