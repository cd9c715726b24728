/** Built-in users may work as an account of the operating system. */
import type { Kysely, Migration } from 'kysely';

export const osUsers: Migration = {
  up: async (db: Kysely<unknown>) => {
    await db.schema.alterTable('users').addColumn('osUser', 'text').execute();
  },
};
