/**
 * What a manifest leaves out although nobody has excluded it: special files, and symbolic links that
 * lead nowhere or out of their root. Its server notes it in the event `manifestComplete`.
 */
import type { Api } from '@jetstream/client';
import { visible } from './visible-text.js';

/** Entries that are named one by one. */
const NAMED_ENTRIES_MAX = 10;
/** By how much the clock of the server may be set back while a manifest is made. */
const CLOCK_MARGIN_US = 60e6;

/** One entry that is in no manifest, and why. */
export interface LeftOutEntry {
  readonly path: string;
  readonly reason: string;
}

/** What one manifest leaves out. */
export interface LeftOut {
  readonly count: number;
  /** The first of them. */
  readonly entries: readonly LeftOutEntry[];
}

/** A manifest that was made a while ago. */
export interface MadeManifest {
  readonly manifestId: string;
  /** A time after it was asked for, microseconds by the clock of its server. */
  readonly timeUs: number;
  /** At most so long after. */
  readonly elapsedMs: number;
}

/**
 * Asks the server that has made a manifest.
 *
 * @returns Null when it does not tell: what was copied or shared is as good without.
 */
export const leftOutOf = async (api: Api, made: MadeManifest): Promise<LeftOut | null> => {
  const { manifestId, timeUs, elapsedMs } = made;
  const after = Math.max(0, Math.floor(timeUs - elapsedMs * 1000 - CLOCK_MARGIN_US));
  const { eventLog } = await api.server
    .getEventLog({ eventName: 'manifestComplete', after })
    .catch(() => ({ eventLog: [] }));
  const event = eventLog.find((entry) => entry.manifestId === manifestId);
  if (event === undefined) return null;
  const { skippedCount, skipped } = event as unknown as {
    readonly skippedCount: number;
    readonly skipped: readonly LeftOutEntry[];
  };
  return { count: skippedCount, entries: skipped };
};

/** Lines that name what is left out; empty when nothing is. */
export const leftOutText = (leftOut: LeftOut | null): string => {
  if (leftOut === null || leftOut.count === 0) return '';
  const { count, entries } = leftOut;
  const named = entries.slice(0, NAMED_ENTRIES_MAX);
  const lines = named.map(({ path, reason }) => `  ${visible(path)}: ${visible(reason)}`);
  if (count > named.length) lines.push(`  and ${count - named.length} more`);
  return [`Left out ${count} ${count === 1 ? 'entry' : 'entries'}:`, ...lines, ''].join('\n');
};
