/**
 * Runs scans and writes their file lists. It gives way between short slices of work, so that many
 * scans share one thread and a small manifest does not wait for a large one. The scan thread and
 * the tests run the same code.
 */
import { CommandError } from '@jetstream/contract';
import {
  type ScanEntry,
  type ScanPorts,
  type ScanRequest,
  type ScanTotals,
  scanMappings,
} from './scan.js';
import type { KnownEntries } from './target-index.js';

/** Longest run before others get their turn. */
const SLICE_MS = 5;
/**
 * Between two times that readers are told what is durable of a list: a small manifest needs that
 * never, and a disk that syncs slowly is not kept busy by it.
 */
const ANNOUNCE_MS = 500;
const ANNOUNCE_SHARE = 10;

/** What to scan and where to put the list; plain data, it crosses a thread border. */
export interface ScanOrder {
  readonly manifestId: string;
  /** Absolute path of the list; it appears there when the scan is complete. */
  readonly listPath: string;
  readonly request: ScanRequest;
  /** Goes on with what an earlier run of the server has listed; that stays as it is. */
  readonly resumes?: boolean;
}

/** A file list that is being written. */
export interface ListSink {
  /** What an earlier run of the server has listed; null for a new list. */
  readonly known: KnownEntries | null;
  add(entry: ScanEntry): void;
  /** Makes what is there durable and lets others read it. */
  announce(): void;
  /** Makes the list durable; it is valid from then on. */
  finish(): void;
  /** Gives up and removes what is there. */
  discard(): void;
}

/** Where a run gets its roots from and puts its list to. */
export interface ScanRunPorts {
  openRoot: ScanPorts['openRoot'];
  openList(order: ScanOrder): ListSink;
  /** What the list holds, when an earlier run of the server has finished it. */
  finished(order: ScanOrder): ScanTotals | null;
  /** Milliseconds; the system's when absent. */
  readonly now?: () => number;
}

/** Makes manifests' file lists somewhere off the main event loop. */
export interface ManifestScanner {
  /**
   * Scans and writes the list.
   *
   * @throws {CommandError} Naming what stands in the way; `cancelled` after the signal.
   */
  scan(order: ScanOrder, signal: AbortSignal): Promise<ScanTotals>;
  /** Cancels what runs and ends the thread. */
  stop(): Promise<void>;
}

const cancelled = (): CommandError =>
  new CommandError('cancelled', 'Cannot make the manifest: it was cancelled');

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Runs one scan to its end. */
export const runScan = async (
  order: ScanOrder,
  ports: ScanRunPorts,
  signal: AbortSignal,
): Promise<ScanTotals> => {
  const finished = order.resumes === true ? ports.finished(order) : null;
  if (finished !== null) return finished;
  const list = ports.openList(order);
  const steps = scanMappings(order.request, {
    openRoot: ports.openRoot,
    add: (entry) => list.add(entry),
    known: list.known,
  });
  const now = ports.now ?? (() => performance.now());
  let announceAt = now() + ANNOUNCE_MS;
  try {
    for (let sliceStart = now(); ; ) {
      const step = steps.next();
      if (step.done === true) {
        list.finish();
        return step.value;
      }
      if (now() - sliceStart < SLICE_MS) continue;
      await nextTurn();
      if (signal.aborted) throw cancelled();
      sliceStart = now();
      if (sliceStart < announceAt) continue;
      list.announce();
      const tookMs = now() - sliceStart;
      announceAt = sliceStart + Math.max(ANNOUNCE_MS, tookMs * ANNOUNCE_SHARE);
    }
  } catch (error) {
    steps.return({ totalFiles: 0, totalBytes: 0, skippedCount: 0, notes: [] });
    list.discard();
    throw error;
  }
};
