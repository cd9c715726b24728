/** A transfer that has not ended, in memory: its record, its own time, and its running attempt. */
import type { TransferStructure } from '@jetstream/contract';
import type { Clock, Timer } from '../adapters/clock/clock.js';
import type { SendProgress } from '../data/data-plane.js';
import {
  advanceCounters,
  grownTotals,
  type LiveProgress,
  type TransferCounters,
  type TransferRecord,
  transferStructureOf,
} from './transfer-record.js';
import { mayBecome, type TransferState } from './transfer-states.js';

/** Times of one transfer never run backwards, whatever the system clock does. */
export class LiveTransfer {
  readonly #clock: Clock;
  readonly #anchorUs: number;
  readonly #anchorMs: number;
  #record: TransferRecord;
  #before: TransferCounters;
  #progress: LiveProgress | null = null;
  /** Ends the pause before the next attempt. */
  retryTimer: Timer | null = null;
  /** Whether the record has changed since it was last written. */
  isDirty = false;
  /** Resolves when the last change of state is durable. */
  saved: Promise<void> = Promise.resolve();

  constructor(clock: Clock, record: TransferRecord) {
    const { requestTimeUs, queueTimeUs, startTimeUs, endTimeUs } = record;
    this.#clock = clock;
    this.#record = record;
    this.#before = record.counters;
    const latestUs = Math.max(requestTimeUs, queueTimeUs ?? 0, startTimeUs ?? 0, endTimeUs ?? 0);
    // A transfer that was loaded goes on with the system time, but not before its own past.
    this.#anchorUs = Math.max(latestUs, clock.nowUs());
    this.#anchorMs = clock.monotonicMs();
  }

  get record(): TransferRecord {
    return this.#record;
  }

  get id(): string {
    return this.#record.id;
  }

  /** What was durable when the running attempt began. */
  get durableBefore(): number {
    return this.#before.bytesDurable;
  }

  /** Time of this transfer in microseconds: the time of its request plus monotonic time. */
  nowUs(): number {
    return this.#anchorUs + Math.round((this.#clock.monotonicMs() - this.#anchorMs) * 1000);
  }

  /** Changes facts, not the state. */
  change(change: Omit<Partial<TransferRecord>, 'status'>): void {
    this.#record = { ...this.#record, ...change };
    this.isDirty = true;
  }

  /**
   * Goes to another state.
   *
   * @throws {Error} If the table of states does not allow it: a mistake in this program.
   */
  become(status: TransferState, change: Partial<TransferRecord> = {}): void {
    const from = this.#record.status;
    if (!mayBecome(from, status)) {
      throw new Error(`Cannot change transfer ${this.id}: ${from} does not become ${status}`);
    }
    this.#record = { ...this.#record, nextRetryUs: null, ...change, status };
    this.isDirty = true;
    if (status === 'active') {
      // What was confirmed but is not durable is sent again.
      const { counters } = this.#record;
      this.#before = { ...counters, bytesAcked: counters.bytesDurable };
      this.#record = { ...this.#record, counters: this.#before };
    } else {
      this.#progress = null;
    }
  }

  /** Takes over the counters of the running attempt. */
  advance(progress: SendProgress): void {
    const { counters: now } = this.#record;
    const totals = grownTotals(this.#record, progress);
    const { totalBytes } = totals;
    const counters = advanceCounters({ before: this.#before, now, totalBytes }, progress);
    this.change({ ...totals, counters });
    this.#progress = progress;
  }

  structure(): TransferStructure {
    return transferStructureOf(this.#record, this.nowUs(), this.#progress);
  }
}
