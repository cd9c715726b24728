import BetterSqlite from 'better-sqlite3';
import { expect, test } from 'vitest';
import { Kysely, Migrator, SqliteDialect, sql } from '../query-builder.js';
import { migrations } from './migrations.js';

test('users and tokens of an older server are kept, and users get ids that are never used again', async () => {
  const db = new Kysely<unknown>({
    dialect: new SqliteDialect({ database: new BetterSqlite(':memory:') }),
  });
  const migrator = new Migrator({
    db,
    provider: { getMigrations: () => Promise.resolve({ ...migrations }) },
  });
  expect((await migrator.migrateTo('0002-transfers')).error).toBeUndefined();
  await sql`insert into users ("name", "nameFolded", "passwordHash", "locked", "version", "creationTimeUs")
    values ('Zoe', 'zoe', 'h1', 0, 5, 100), ('ann', 'ann', 'h2', 1, 6, 200)`.execute(db);
  await sql`insert into "apiTokens" ("id", "secretHash", "description", "owner", "creationTimeUs", "permissions")
    values ('t', 's', '', 'ann', 1, 31)`.execute(db);
  expect((await migrator.migrateToLatest()).error).toBeUndefined();
  const users = await sql`select * from users order by id`.execute(db);
  expect(users.rows).toEqual([
    {
      id: 1,
      name: 'Zoe',
      nameFolded: 'zoe',
      passwordHash: 'h1',
      locked: 0,
      osUser: null,
      version: 5,
      creationTimeUs: 100,
    },
    {
      id: 2,
      name: 'ann',
      nameFolded: 'ann',
      passwordHash: 'h2',
      locked: 1,
      osUser: null,
      version: 6,
      creationTimeUs: 200,
    },
  ]);
  const tokens = await sql`select "id", "deletedTimeUs" from "apiTokens"`.execute(db);
  expect(tokens.rows).toEqual([{ id: 't', deletedTimeUs: null }]);
  await sql`delete from users where name = 'ann'`.execute(db);
  await sql`insert into users ("name", "nameFolded", "passwordHash", "creationTimeUs")
    values ('ann', 'ann', 'h3', 300)`.execute(db);
  const again = await sql`select id from users where name = 'ann'`.execute(db);
  expect(again.rows).toEqual([{ id: 3 }]);
  await db.destroy();
});
