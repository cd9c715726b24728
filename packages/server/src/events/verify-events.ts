/**
 * Checks the whole event log. Everything is read in slices, in order; the last entry that the
 * database knows of must be there as well, so that an end that was cut off shows, too.
 *
 * Whoever can write to the database could also compute all hashes anew. Against that helps only a
 * hash that was noted elsewhere: give it as `noted`.
 */
import type { Database } from '../adapters/database/database.js';
import { type ChainFault, type EventRow, findChainFault } from './event-chain.js';

/** Entries read at once. */
export const VERIFY_PAGE = 2000;

/** A place in the log, and what must be there. */
export interface LogHead {
  readonly seq: number;
  readonly hash: string;
}

export interface VerifyOptions {
  /** An entry whose hash was written down earlier. */
  readonly noted?: LogHead | null;
  /** Called after each slice with the entries checked so far. */
  readonly progress?: (checked: number) => void;
}

export interface Verification {
  /** Entries that are in order, from the first on. */
  readonly checked: number;
  /** The last of them; null when there is none. */
  readonly head: LogHead | null;
  /** The first entry that was edited or is missing; null when all is well. */
  readonly fault: ChainFault | null;
}

const faultAt = (known: LogHead, entry: LogHead, what: string): ChainFault | null =>
  known.seq === entry.seq && known.hash !== entry.hash
    ? { seq: known.seq, reason: `entry ${known.seq} is not the one ${what}` }
    : null;

/** Checks every entry of the log. */
export const verifyEvents = async (
  db: Database,
  { noted = null, progress }: VerifyOptions = {},
): Promise<Verification> => {
  // Asked for first: entries that are added meanwhile come after it.
  const end = await db.selectFrom('eventHead').select(['seq', 'hash']).executeTakeFirst();
  let head: LogHead | null = null;
  const stop = (fault: ChainFault | null): Verification => ({
    checked: head?.seq ?? 0,
    head,
    fault,
  });
  for (;;) {
    const page: EventRow[] = await db
      .selectFrom('events')
      .select(['seq', 'timeUs', 'name', 'fields', 'previousHash', 'hash'])
      .where('seq', '>', head?.seq ?? 0)
      .orderBy('seq')
      .limit(VERIFY_PAGE)
      .execute();
    const fault = findChainFault(page, head);
    const good = fault === null ? page : page.filter(({ seq }) => seq < fault.seq);
    for (const entry of good) {
      const other =
        (end && faultAt(end, entry, 'that was written last')) ??
        (noted && faultAt(noted, entry, 'that was noted'));
      if (other) return stop(other);
      head = { seq: entry.seq, hash: entry.hash };
    }
    progress?.(head?.seq ?? 0);
    if (fault !== null) return stop(fault);
    if (page.length < VERIFY_PAGE) break;
  }
  const last = Math.max(end?.seq ?? 0, noted?.seq ?? 0);
  const seq = (head?.seq ?? 0) + 1;
  if (seq <= last) return stop({ seq, reason: `entry ${seq} is missing` });
  if (end === undefined && head !== null) {
    return stop({ seq: head.seq, reason: 'the record of the last entry is missing' });
  }
  return stop(null);
};
