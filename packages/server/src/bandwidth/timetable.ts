/**
 * The rules of the timetable: which entry applies at a moment, in the wall-clock time of its zone.
 * A day with 23 or 25 hours needs no care: an hour that is skipped begins nothing, one that comes
 * twice is the same time twice.
 */
import { CommandError, type TimetableEntry, WEEK_DAYS } from '@jetstream/contract';
import type { BandwidthLimits } from '../data/data-plane.js';

/** A timetable as it is kept. */
export interface Timetable {
  readonly entries: readonly TimetableEntry[];
  /** IANA name. */
  readonly timeZone: string;
}

const MINUTES_PER_DAY = 1440;
const DAY_NAMES: readonly string[] = WEEK_DAYS;

/** Zone of the machine. */
export const ownTimeZone = (): string => Intl.DateTimeFormat().resolvedOptions().timeZone;

/** @throws {CommandError} `invalid_params` if no such zone is known. */
export const checkTimeZone = (timeZone: string): string => {
  try {
    return new Intl.DateTimeFormat('en-GB', { timeZone }).resolvedOptions().timeZone;
  } catch (cause) {
    const shown = JSON.stringify(timeZone);
    throw new CommandError(
      'invalid_params',
      `Cannot use the time zone ${shown}: expected an IANA name such as "Europe/Zurich"`,
      { cause, details: { parameter: 'timeZone', actual: timeZone } },
    );
  }
};

/** Day of the week, 0 for Monday, and minute of the day. */
export interface WallTime {
  readonly day: number;
  readonly minute: number;
}

/** Reads clocks of one zone. */
export const wallTimeIn = (timeZone: string): ((timeUs: number) => WallTime) => {
  const format = new Intl.DateTimeFormat('en-GB', {
    ...{ timeZone, weekday: 'short', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' },
  });
  return (timeUs) => {
    const parts = new Map(
      format.formatToParts(Math.floor(timeUs / 1000)).map(({ type, value }) => [type, value]),
    );
    const name = (parts.get('weekday') ?? '').slice(0, 3).toLowerCase();
    return {
      day: DAY_NAMES.indexOf(name),
      minute: Number(parts.get('hour')) * 60 + Number(parts.get('minute')),
    };
  };
};

const minuteOf = (text: string): number => Number(text.slice(0, 2)) * 60 + Number(text.slice(3));

const beginsOn = ({ days }: TimetableEntry, day: number): boolean =>
  days.includes(WEEK_DAYS[(day + 7) % 7] ?? 'mon');

/** Whether an entry applies; one that ends not later than it begins goes on into the next day. */
export const appliesAt = (entry: TimetableEntry, { day, minute }: WallTime): boolean => {
  const from = minuteOf(entry.from);
  const to = minuteOf(entry.to);
  const end = to <= from ? to + MINUTES_PER_DAY : to;
  const today = beginsOn(entry, day) && minute >= from && minute < end;
  const later = minute + MINUTES_PER_DAY;
  return today || (beginsOn(entry, day - 1) && later >= from && later < end);
};

/** Index of the first entry that applies; null for none. */
export const activeEntry = (entries: readonly TimetableEntry[], time: WallTime): number | null => {
  const index = entries.findIndex((entry) => appliesAt(entry, time));
  return index < 0 ? null : index;
};

/** Limits with those of an entry in place: null is no limit, absent stays as set. */
export const withEntry = (limits: BandwidthLimits, entry: TimetableEntry): BandwidthLimits => {
  const { incomingRateLimit, outgoingRateLimit, incomingMaxConnections } = entry;
  return {
    ...limits,
    ...(incomingRateLimit === undefined ? {} : { incomingKbps: incomingRateLimit }),
    ...(outgoingRateLimit === undefined ? {} : { outgoingKbps: outgoingRateLimit }),
    ...(incomingMaxConnections === undefined
      ? {}
      : { incomingConnectionsMax: incomingMaxConnections }),
  };
};
