/**
 * The query builder, for everything that uses it at run time. It is loaded in its CommonJS form, which
 * is the same code: 260 files take 150 ms of a server's start as ECMAScript modules, half of that so.
 */
import { createRequire } from 'node:module';
import type { Kysely as KyselyClass } from 'kysely';

export type { Insertable, Migration, RawBuilder, Selectable, SqlBool, Transaction } from 'kysely';

const library = createRequire(import.meta.url)('kysely') as typeof import('kysely');

export const { Kysely, Migrator, SqliteDialect, sql } = library;
export type Kysely<Tables> = KyselyClass<Tables>;
