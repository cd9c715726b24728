/** `getEventLog`: short answers at once, long ones as a stream, so that memory stays bounded. */
import type { Result } from '@jetstream/contract';
import type { Database } from '../adapters/database/database.js';
import { callerOf, type Handlers } from '../control/handler.js';
import { JsonStream, JsonText } from '../requests/stored-json.js';
import {
  type EventFilter,
  type EventText,
  lastSeqOf,
  readEvents,
  shownEvent,
} from './event-query.js';

/** Entries read between two turns of the event loop. */
export const EVENTS_SLICE = 1000;

export type EventMethod = 'getEventLog';

const BEGIN = '{"eventLog":[';
const END = ']}';

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** The rest of an answer after its first slice. */
async function* restOf(
  db: Database,
  filter: EventFilter,
  first: { readonly slice: readonly EventText[]; readonly limit: number },
): AsyncGenerator<string> {
  yield `${BEGIN}${first.slice.map(shownEvent).join(',')}`;
  let left = first.limit - first.slice.length;
  for (let after = first.slice.at(-1) ?? null; left > 0; ) {
    await nextTurn();
    const wanted = Math.min(left, EVENTS_SLICE);
    const slice = await readEvents(db, filter, { after, limit: wanted });
    if (slice.length > 0) yield `,${slice.map(shownEvent).join(',')}`;
    if (slice.length < wanted) break;
    left -= slice.length;
    after = slice.at(-1) ?? after;
  }
  yield END;
}

/** Handlers over the event log in the database. */
export const eventHandlers = (db: Database): Handlers<EventMethod> => ({
  getEventLog: async ({ eventName, before, after, limit }, call) => {
    const filter: EventFilter = {
      caller: callerOf(call),
      name: eventName ?? null,
      afterUs: after ?? null,
      beforeUs: before ?? null,
      // What is logged while the answer is being read is not a part of it.
      lastSeq: await lastSeqOf(db),
    };
    const most = limit ?? Number.MAX_SAFE_INTEGER;
    const slice = await readEvents(db, filter, {
      after: null,
      limit: Math.min(most, EVENTS_SLICE),
    });
    const isAll = slice.length < EVENTS_SLICE || slice.length === most;
    const answer = isAll
      ? new JsonText(`${BEGIN}${slice.map(shownEvent).join(',')}${END}`)
      : new JsonStream(restOf(db, filter, { slice, limit: most }));
    // The dispatcher passes stored JSON on as it is.
    return answer as unknown as Result<'getEventLog'>;
  },
});
