/**
 * Garbage of the receiving side: records of what has ended, and part files with the journals that
 * know where they are.
 *
 * A transfer that has not ended is never touched, not by force either: its sender may come back and
 * go on. Whatever is removed is removed in turn with the decisions on offers of the same transfer.
 */
import type { Logger } from '../adapters/log/logger.js';
import { ownedBy } from '../events/event-fields.js';
import type { EventLog } from '../events/event-log.js';
import type { ReceiveRecord } from '../receive/receive-record.js';
import type { ReceiveService } from '../receive/receive-service.js';
import type { ReceiveStore } from '../receive/receive-store.js';
import type { AbandonedJournals, FoundJournal } from '../storage/abandoned-journals.js';
import {
  type CandidatePage,
  type CollectRun,
  collectPages,
  type GarbageKind,
} from './garbage-kind.js';

/** Days after the last sign of life until part files are removed; senders try for seven. */
export const PARTS_GRACE_DAYS = 8;
/** Minutes after the last sign of life in which files may still be open, also with `force`. */
export const PARTS_SETTLE_MINUTES = 10;

const DAY_US = 86_400_000_000;
const MINUTE_US = 60_000_000;

export interface ReceiveGarbageOptions {
  readonly store: ReceiveStore;
  readonly receive: Pick<ReceiveService, 'find' | 'inTurn'>;
  readonly events: EventLog;
}

/** Records of received transfers are ready when these have ended. */
export const receivedGarbage = (options: ReceiveGarbageOptions): GarbageKind => {
  const { store, receive, events } = options;
  return {
    name: 'receivedTransfers',
    collect: (run) =>
      collectPages(
        run,
        (page: CandidatePage<ReceiveRecord>) => store.endedBefore(run.nowUs - run.graceUs, page),
        (record) =>
          receive.inTurn(record.id, async () => {
            // Its sender has come back, be it only to hear that all is there.
            if (receive.find(record.id) !== null) return false;
            if (run.dryRun) return true;
            await Promise.all([
              events.append('receiveDeleted', {
                transferId: record.id,
                by: null,
                ...ownedBy(record),
              }),
              store.remove(record.id),
            ]);
            return true;
          }),
      ),
  };
};

export interface PartGarbageOptions extends Omit<ReceiveGarbageOptions, 'events'> {
  readonly journals: AbandonedJournals;
  readonly log: Logger;
}

/**
 * The last sign of life of what a journal belongs to; null while that has not ended.
 */
const lastLifeUs = async (
  { store, receive }: PartGarbageOptions,
  journal: FoundJournal,
): Promise<number | null> => {
  if (receive.find(journal.transferId) !== null) return null;
  const record = await store.find(journal.transferId);
  if (record === null) return journal.changedUs;
  if (record.status === 'receiving') return null;
  return record.lastRecvTimeUs ?? record.startTimeUs;
};

/** Part files are ready when their transfer has ended. */
export const partGarbage = (options: PartGarbageOptions): GarbageKind => {
  const { receive, journals, log } = options;
  const remove = async (journal: FoundJournal, run: CollectRun): Promise<boolean> => {
    const graceUs = run.force ? PARTS_SETTLE_MINUTES * MINUTE_US : PARTS_GRACE_DAYS * DAY_US;
    const lastUs = await lastLifeUs(options, journal);
    if (lastUs === null || lastUs > run.nowUs - graceUs) return false;
    if (run.dryRun) return true;
    try {
      await journals.discard(journal);
      return true;
    } catch (error) {
      // A root that is not mounted, for example: the journal is what finds the files later.
      log.warn({ transferId: journal.transferId, err: error }, 'part files could not be removed');
      return false;
    }
  };
  return {
    name: 'partialTransfers',
    collect: async (run) => {
      let count = 0;
      for (const journal of await journals.list()) {
        if (run.signal.aborted) break;
        const isGone = await receive.inTurn(journal.transferId, () => remove(journal, run));
        if (isGone) count += 1;
      }
      await journals.rest();
      return count;
    },
  };
};
