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

/** Longest run before others get their turn. */
const SLICE_MS = 5;

/** What to scan and where to put the list; plain data, it crosses a thread border. */
export interface ScanOrder {
  readonly manifestId: string;
  /** Absolute path of the list; it appears there when the scan is complete. */
  readonly listPath: string;
  readonly request: ScanRequest;
}

/** A file list that is being written. */
export interface ListSink {
  add(entry: ScanEntry): void;
  /** Makes the list durable; it is valid from then on. */
  finish(): void;
  /** Gives up and removes what is there. */
  discard(): void;
}

/** Where a run gets its roots from and puts its list to. */
export interface ScanRunPorts {
  openRoot: ScanPorts['openRoot'];
  openList(order: ScanOrder): ListSink;
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
  const list = ports.openList(order);
  const steps = scanMappings(order.request, {
    openRoot: ports.openRoot,
    add: (entry) => list.add(entry),
  });
  try {
    for (let sliceStart = performance.now(); ; ) {
      const step = steps.next();
      if (step.done === true) {
        list.finish();
        return step.value;
      }
      if (performance.now() - sliceStart < SLICE_MS) continue;
      await nextTurn();
      if (signal.aborted) throw cancelled();
      sliceStart = performance.now();
    }
  } catch (error) {
    steps.return({ totalFiles: 0, totalBytes: 0, skippedCount: 0, notes: [] });
    list.discard();
    throw error;
  }
};
