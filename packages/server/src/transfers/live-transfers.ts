/**
 * All transfers that have not ended, in memory; the store follows. What changes a state is written
 * at once and told to subscribers and the event log; counters are written once a second.
 */
import type { Clock, Timer } from '../adapters/clock/clock.js';
import type { Logger } from '../adapters/log/logger.js';
import type { Notifier } from '../control/notifier.js';
import { ownedBy } from '../events/event-fields.js';
import type { EventLog } from '../events/event-log.js';
import { LiveTransfer } from './live-transfer.js';
import { TransferAnnouncer } from './transfer-announcer.js';
import type { TransferRecord } from './transfer-record.js';
import { hasEnded, type TransferState, UNFINISHED_STATES } from './transfer-states.js';
import type { TransferStore } from './transfer-store.js';

/** Longest time that counters of a running transfer are not written, in milliseconds. */
export const PROGRESS_SAVE_MS = 1000;

export interface LiveTransfersOptions {
  readonly store: TransferStore;
  readonly events: EventLog;
  readonly clock: Clock;
  readonly log: Logger;
  readonly notifier: Notifier;
  /** Called when a change of a transfer is durable. */
  readonly onSaved: (transferId: string) => void;
}

/** @see the head of this file */
export class LiveTransfers {
  readonly #options: LiveTransfersOptions;
  readonly #live = new Map<string, LiveTransfer>();
  readonly #announcer: TransferAnnouncer;
  #saveTimer: Timer | null = null;
  #isStopping = false;

  constructor(options: LiveTransfersOptions) {
    this.#options = options;
    this.#announcer = new TransferAnnouncer(options.clock, options.notifier);
  }

  get size(): number {
    return this.#live.size;
  }

  get(transferId: string): LiveTransfer | null {
    return this.#live.get(transferId) ?? null;
  }

  /** How many are in each state that is no end. */
  countByState(): ReadonlyMap<TransferState, number> {
    const counts = new Map<TransferState, number>(UNFINISHED_STATES.map((state) => [state, 0]));
    for (const { record } of this.#live.values()) {
      const count = counts.get(record.status);
      if (count !== undefined) counts.set(record.status, count + 1);
    }
    return counts;
  }

  values(): Iterable<LiveTransfer> {
    return this.#live.values();
  }

  /** Whether one that has not ended fits. */
  some(matches: (record: TransferRecord) => boolean): boolean {
    for (const { record } of this.#live.values()) {
      if (!hasEnded(record.status) && matches(record)) return true;
    }
    return false;
  }

  /** Takes one whose record the store has. */
  load(record: TransferRecord): LiveTransfer {
    const transfer = new LiveTransfer(this.#options.clock, record);
    this.#live.set(record.id, transfer);
    return transfer;
  }

  /** Takes a new one; resolves when it is durable. */
  async add(record: TransferRecord): Promise<LiveTransfer> {
    const { store, events } = this.#options;
    const transfer = this.load(record);
    const { manifestId, destinationId, totalFiles, totalBytes } = record;
    const facts = { transferId: record.id, manifestId, destinationId, totalFiles, totalBytes };
    try {
      await Promise.all([
        events.append('transferCreated', { ...facts, ...ownedBy(record) }),
        store.insert(record),
      ]);
    } catch (error) {
      this.#live.delete(record.id);
      throw error;
    }
    return transfer;
  }

  /** Goes to another state; `transfer.saved` resolves when that is durable. */
  become(
    transfer: LiveTransfer,
    status: TransferState,
    change: Partial<TransferRecord> = {},
  ): void {
    const isEnd = hasEnded(status);
    transfer.become(status, isEnd ? { ...change, endTimeUs: transfer.nowUs() } : change);
    // Attempts that go on failing are one story in the log, told at its beginning and end.
    if (isEnd || transfer.record.failures <= (status === 'active' ? 0 : 1)) this.tell(transfer);
    this.#saveNow(transfer);
  }

  /** Changes what a user decides; `transfer.saved` resolves when that is durable. */
  amend(transfer: LiveTransfer, change: Omit<Partial<TransferRecord>, 'status'>): void {
    transfer.change(change);
    this.#saveNow(transfer);
  }

  /** Something about the transfer is new that may be lost in a crash. */
  noted(transfer: LiveTransfer): void {
    this.#saveSoon();
    this.#announcer.changed(transfer);
  }

  /** Tells subscribers. */
  announce(transfer: LiveTransfer): void {
    this.#announcer.changed(transfer);
  }

  /** Tells the event log of the state. */
  tell(transfer: LiveTransfer): void {
    const { id, status, errorCode, errorMessage } = transfer.record;
    const state = { transferId: id, status, errorCode, errorMessage };
    const facts = { ...state, ...ownedBy(transfer.record) };
    this.#options.events.append('transferUpdated', facts).catch((error: unknown) => {
      this.#options.log.error({ transferId: id, err: error }, 'cannot log an event');
    });
  }

  /** Writes what is not yet durable. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#saveTimer?.cancel();
    this.#announcer.stop();
    await Promise.allSettled([...this.#live.values()].map((transfer) => this.#save(transfer)));
  }

  #saveNow(transfer: LiveTransfer): void {
    this.#announcer.changed(transfer);
    transfer.saved = this.#save(transfer).then(() => this.#written(transfer));
    // The rejection is told where it is waited for; elsewhere the next save tries again.
    transfer.saved.catch(() => {});
  }

  /** One that has ended leaves memory, unless it was queued again meanwhile. */
  #written(transfer: LiveTransfer): void {
    if (hasEnded(transfer.record.status) && !transfer.isDirty) this.#live.delete(transfer.id);
    this.#options.onSaved(transfer.id);
  }

  async #save(transfer: LiveTransfer): Promise<void> {
    transfer.isDirty = false;
    try {
      await this.#options.store.update(transfer.record);
    } catch (error) {
      this.#options.log.error({ transferId: transfer.id, err: error }, 'cannot save a transfer');
      transfer.isDirty = true;
      this.#saveSoon();
      throw error;
    }
  }

  /** One write for all that changed within a second. */
  #saveSoon(): void {
    if (this.#saveTimer !== null || this.#isStopping) return;
    this.#saveTimer = this.#options.clock.after(PROGRESS_SAVE_MS, () => {
      this.#saveTimer = null;
      for (const transfer of this.#live.values()) {
        if (!transfer.isDirty) continue;
        // A failure is logged, and tried again.
        this.#save(transfer).then(
          () => {
            if (hasEnded(transfer.record.status)) this.#written(transfer);
          },
          () => {},
        );
      }
    });
  }
}
