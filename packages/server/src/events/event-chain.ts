/**
 * How entries of the event log hang together: the hash of an entry covers the hash of the one
 * before and all of its own content, written in one canonical way.
 */
import { createHash } from 'node:crypto';
import type { EventValue } from './event-fields.js';

/** What stands in for the hash before the first entry. */
export const FIRST_PREVIOUS_HASH = '0'.repeat(64);

/** An entry as the database holds it. */
export interface EventRow {
  readonly seq: number;
  readonly timeUs: number;
  readonly name: string;
  /** Canonical JSON. */
  readonly fields: string;
  readonly previousHash: string;
  readonly hash: string;
}

/** Where a chain is broken. */
export interface ChainFault {
  /** Sequence number of the first entry that does not fit. */
  readonly seq: number;
  readonly reason: string;
}

/** JSON with sorted keys and no spaces: equal values have equal text. */
export const canonicalJson = (value: EventValue): string => {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const object = value as Readonly<Record<string, EventValue>>;
  const members = Object.keys(object)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonicalJson(object[key] ?? null)}`);
  return `{${members.join(',')}}`;
};

/**
 * Hash of an entry as hex: SHA-256 of the previous hash and the canonical JSON of name, number,
 * time and fields.
 */
export const hashEvent = (event: Omit<EventRow, 'hash'>): string => {
  const { seq, timeUs, name, fields, previousHash } = event;
  return createHash('sha256')
    .update(
      `${previousHash}{"fields":${fields},"name":${JSON.stringify(name)},"seq":${seq},"timeUs":${timeUs}}`,
    )
    .digest('hex');
};

/**
 * Checks that entries follow one another.
 *
 * @param events In rising order, without a gap to `before`.
 * @param before The entry that they follow; null for the first of all.
 */
export const findChainFault = (
  events: readonly EventRow[],
  before: Pick<EventRow, 'seq' | 'hash'> | null,
): ChainFault | null => {
  let previous = before;
  for (const event of events) {
    const seq = (previous?.seq ?? 0) + 1;
    if (event.seq !== seq) return { seq, reason: `entry ${seq} is missing` };
    if (event.previousHash !== (previous?.hash ?? FIRST_PREVIOUS_HASH)) {
      return { seq, reason: `entry ${seq} does not follow the one before` };
    }
    if (hashEvent(event) !== event.hash) return { seq, reason: `entry ${seq} has been changed` };
    previous = event;
  }
  return null;
};
