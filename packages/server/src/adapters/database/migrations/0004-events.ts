/** What makes the event log fast to search, and garbage quick to find. */
import { type Kysely, type Migration, sql } from '../query-builder.js';

/** Columns that are read out of the fields: the hash covers the fields, and nothing else is true. */
const addOwners = async (db: Kysely<unknown>): Promise<void> => {
  for (const column of ['owner', 'ownerToken', 'ownerTokenSession']) {
    await sql
      .raw(
        `alter table "events" add column "${column}" text generated always as (json_extract("fields", '$.${column}')) virtual`,
      )
      .execute(db);
  }
};

/** Each ends with the time, the order in which the log is shown. */
const addIndexes = async (db: Kysely<unknown>): Promise<void> => {
  const index = (name: string, columns: string[]) =>
    db.schema.createIndex(name).on('events').columns(columns);
  await index('eventsByTime', ['timeUs']).execute();
  await index('eventsByName', ['name', 'timeUs']).execute();
  await index('eventsByOwner', ['owner', 'timeUs']).execute();
  await index('eventsByOwnerAndName', ['owner', 'name', 'timeUs']).execute();
  await sql`create index "eventsByTokenSession"
    on "events" ("ownerToken", "ownerTokenSession", "timeUs")
    where "ownerToken" is not null`.execute(db);
};

/** The last entry, so that the end of the log cannot be cut off unseen. */
const addHead = async (db: Kysely<unknown>): Promise<void> => {
  await db.schema
    .createTable('eventHead')
    .addColumn('id', 'integer', (column) => column.primaryKey().check(sql`"id" = 1`))
    .addColumn('seq', 'integer', (column) => column.notNull())
    .addColumn('hash', 'text', (column) => column.notNull())
    .execute();
  await sql`insert into "eventHead" ("id", "seq", "hash")
    select 1, "seq", "hash" from "events" order by "seq" desc limit 1`.execute(db);
  await sql`create trigger "events_head" after insert on "events" begin
    insert into "eventHead" ("id", "seq", "hash") values (1, new."seq", new."hash")
    on conflict ("id") do update set "seq" = new."seq", "hash" = new."hash";
  end`.execute(db);
};

const addGarbageIndexes = async (db: Kysely<unknown>): Promise<void> => {
  await sql`alter table "transfers" add column "endTimeUs" integer
    generated always as (json_extract("record", '$.endTimeUs')) virtual`.execute(db);
  await sql`create index "transfersByEnd" on "transfers" ("endTimeUs")
    where "endTimeUs" is not null`.execute(db);
  await db.schema.createIndex('transfersByManifest').on('transfers').column('manifestId').execute();
  await db.schema
    .createIndex('manifestsByCreation')
    .on('manifests')
    .column('creationTimeUs')
    .execute();
};

export const events: Migration = {
  up: async (db: Kysely<unknown>) => {
    await addOwners(db);
    await addIndexes(db);
    await addHead(db);
    await addGarbageIndexes(db);
  },
};
