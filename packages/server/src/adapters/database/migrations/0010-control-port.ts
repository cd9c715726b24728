/** Destinations know the TCP port of their server, for where UDP does not pass. */
import type { Kysely, Migration } from 'kysely';

export const controlPort: Migration = {
  up: async (db: Kysely<unknown>) => {
    await db.schema.alterTable('destinations').addColumn('controlPort', 'integer').execute();
  },
};
