/** The rule of `mayAccess` as a condition of a query, so that pages are counted after it. */
import { type RawBuilder, sql } from '../adapters/database/query-builder.js';
import type { Caller } from '../sessions/caller.js';

/** Most objects that one list call returns when the caller names no limit. */
export const LIST_MAX = 100_000;

/** True for rows that the caller may see; the table has the columns of `Ownership`. */
export const visibleTo = (caller: Caller): RawBuilder<boolean> => {
  if (caller.token !== null) {
    const { id, session } = caller.token;
    return sql<boolean>`("ownerToken" = ${id} and "ownerTokenSession" = ${session})`;
  }
  return caller.level === 'user'
    ? sql<boolean>`("owner" = ${caller.userName})`
    : sql<boolean>`1 = 1`;
};

/** Columns of an owned object as they are stored. */
export interface OwnerRow {
  readonly owner: string;
  readonly ownerToken: string | null;
  readonly ownerTokenSession: string | null;
  readonly userData: string;
}
