/** Searching the event log: who may see what, in the order of the times. */

import type { Database } from '../adapters/database/database.js';
import { type SqlBool, sql } from '../adapters/database/query-builder.js';
import type { Caller } from '../sessions/caller.js';
import { visibleTo } from '../transfers/owner-filter.js';

/** Which entries are wanted; both bounds are exclusive, in microseconds. */
export interface EventFilter {
  readonly caller: Caller;
  readonly name: string | null;
  readonly afterUs: number | null;
  readonly beforeUs: number | null;
  /** Nothing that was logged later. */
  readonly lastSeq: number;
}

/** An entry as it is shown, still as text. */
export interface EventText {
  readonly seq: number;
  readonly timeUs: number;
  readonly name: string;
  /** JSON. */
  readonly fields: string;
}

/** An entry as the API shows it: `_event`, `_timestamp`, `_eventSeq`, then its own fields. */
export const shownEvent = ({ seq, timeUs, name, fields }: EventText): string => {
  const head = `{"_event":${JSON.stringify(name)},"_timestamp":${timeUs},"_eventSeq":${seq}`;
  return fields === '{}' ? `${head}}` : `${head},${fields.slice(1)}`;
};

/** Number of the last entry; 0 when there is none. */
export const lastSeqOf = async (db: Database): Promise<number> => {
  const head = await db.selectFrom('eventHead').select('seq').executeTakeFirst();
  return head?.seq ?? 0;
};

/** Part of the answer, oldest first. */
export const readEvents = (
  db: Database,
  filter: EventFilter,
  page: { readonly after: EventText | null; readonly limit: number },
): Promise<EventText[]> => {
  const { caller, name, afterUs, beforeUs } = filter;
  const { after, limit } = page;
  let query = db
    .selectFrom('events')
    .select(['seq', 'timeUs', 'name', 'fields'])
    .where(visibleTo(caller))
    // The sign keeps this from being searched by: the indexes go by time.
    .where(sql<SqlBool>`+"seq" <= ${filter.lastSeq}`);
  if (name !== null) query = query.where('name', '=', name);
  if (after !== null) {
    query = query.where(sql<SqlBool>`("timeUs", "seq") > (${after.timeUs}, ${after.seq})`);
  } else if (afterUs !== null) {
    query = query.where('timeUs', '>', afterUs);
  }
  if (beforeUs !== null) query = query.where('timeUs', '<', beforeUs);
  return query.orderBy('timeUs').orderBy('seq').limit(limit).execute();
};
