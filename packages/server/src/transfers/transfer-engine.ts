/**
 * Drives transfers from their request to their end: queue, attempts, pauses, results. All transfers
 * that have not ended are in memory; the store follows, and what is acknowledged is durable first.
 *
 * The data plane answers orders by events, which come in through `sendStarted`, `sendProgress` and
 * `sendEnded`. A slot of the queue is taken by `send` and given back by `sendEnded`, also when the
 * transfer was cancelled meanwhile.
 */
import type { TransferStructure } from '@jetstream/contract';
import type { Clock, Timer } from '../adapters/clock/clock.js';
import type { Logger } from '../adapters/log/logger.js';
import type { Notifier } from '../control/notifier.js';
import type {
  DataPlane,
  DataPlaneEvents,
  FlowPath,
  PeerFacts,
  SendOutcome,
  SendProgress,
} from '../data/data-plane.js';
import type { DestinationRecord } from '../destinations/destination-store.js';
import { ownedBy } from '../events/event-fields.js';
import type { EventLog } from '../events/event-log.js';
import { LiveTransfer } from './live-transfer.js';
import { retryPauseMs } from './retry-policy.js';
import { sendOrderOf } from './send-order.js';
import { TransferAnnouncer } from './transfer-announcer.js';
import { outcomeChange } from './transfer-outcome.js';
import { type QueuedTransfer, TransferQueue } from './transfer-queue.js';
import type { TransferRecord } from './transfer-record.js';
import { hasEnded, type TransferState } from './transfer-states.js';
import type { TransferStore } from './transfer-store.js';

/** Most transfers that run at the same time. */
export const TRANSFERS_ACTIVE_MAX = 200;
/** Most transfers to one destination that run at the same time. */
export const TRANSFERS_ACTIVE_PER_DESTINATION_MAX = 8;
/** Longest time that counters of a running transfer are not written, in milliseconds. */
export const PROGRESS_SAVE_MS = 1000;

/** What the engine needs to know and tell of destinations. */
export interface EngineDestinations {
  record(destinationId: string): DestinationRecord | null;
  attemptStarted(destinationId: string, transferId: string): void;
  peerSeen(destinationId: string, peer: PeerFacts): boolean;
  progress(destinationId: string, transferId: string, progress: SendProgress): void;
  attemptEnded(destinationId: string, transferId: string, error: string | null): void;
}

export interface TransferEngineOptions {
  readonly store: TransferStore;
  readonly events: EventLog;
  readonly clock: Clock;
  readonly log: Logger;
  readonly notifier: Notifier;
  readonly destinations: EngineDestinations;
  /** Absolute path of a manifest's file list. */
  readonly listPath: (manifestId: string) => string;
  /** From 0 to 1, evenly. */
  readonly random: () => number;
  /** Called when a change of a transfer is durable. */
  readonly onSaved: (transferId: string) => void;
}

/** @see the head of this file */
export class TransferEngine
  implements Pick<DataPlaneEvents, 'sendStarted' | 'sendProgress' | 'sendEnded'>
{
  readonly #options: TransferEngineOptions;
  readonly #live = new Map<string, LiveTransfer>();
  /** Transfers that the data plane has, cancelled ones included. */
  readonly #running = new Map<string, LiveTransfer>();
  readonly #queue: TransferQueue;
  readonly #announcer: TransferAnnouncer;
  #dataPlane: DataPlane | null = null;
  #saveTimer: Timer | null = null;
  #isStopping = false;

  constructor(options: TransferEngineOptions) {
    this.#options = options;
    this.#announcer = new TransferAnnouncer(options.clock, options.notifier);
    this.#queue = new TransferQueue({
      activeMax: TRANSFERS_ACTIVE_MAX,
      // Until a receiver has shown its key, a second flow could pin another one.
      activePerDestinationMax: (id) =>
        typeof options.destinations.record(id)?.publicKey === 'string'
          ? TRANSFERS_ACTIVE_PER_DESTINATION_MAX
          : 1,
    });
  }

  /** Queues what an earlier run of the server has left, and begins to send. */
  async start(dataPlane: DataPlane): Promise<void> {
    this.#dataPlane = dataPlane;
    for (const record of await this.#options.store.unfinished()) {
      const transfer = new LiveTransfer(this.#options.clock, record);
      this.#live.set(record.id, transfer);
      if (record.status === 'suspended') continue;
      if (record.status === 'queued') this.#queue.add(queuedOf(record));
      else this.#enqueue(transfer);
    }
    this.#pump();
  }

  /** Starts nothing new. What still runs ends with the data plane. */
  beginStop(): void {
    this.#isStopping = true;
    for (const transfer of this.#live.values()) transfer.retryTimer?.cancel();
  }

  /** Writes what is not yet durable; call it after the data plane has stopped. */
  async stop(): Promise<void> {
    this.beginStop();
    this.#saveTimer?.cancel();
    this.#announcer.stop();
    await Promise.allSettled([...this.#live.values()].map((transfer) => this.#save(transfer)));
  }

  /** Number of transfers that have not ended. */
  get unfinishedCount(): number {
    return this.#live.size;
  }

  /** A transfer that has not ended; one that has just ended stays until that is durable. */
  find(transferId: string): LiveTransfer | null {
    return this.#live.get(transferId) ?? null;
  }

  /** Whether a transfer that has not ended sends this manifest. */
  usesManifest(manifestId: string): boolean {
    return this.#some((record) => record.manifestId === manifestId);
  }

  /** Whether a transfer that has not ended goes to this destination. */
  usesDestination(destinationId: string): boolean {
    return this.#some((record) => record.destinationId === destinationId);
  }

  /** Transfers of a destination that wait for a slot. */
  queuedCount(destinationId: string): number {
    return this.#queue.waitingCount(destinationId);
  }

  /**
   * Takes a new transfer: durable, then queued.
   *
   * @returns Its structure in the state `pending`.
   */
  async add(record: TransferRecord): Promise<TransferStructure> {
    const { store, events, clock } = this.#options;
    const transfer = new LiveTransfer(clock, record);
    this.#live.set(record.id, transfer);
    const { manifestId, destinationId, totalFiles, totalBytes } = record;
    const facts = {
      transferId: record.id,
      manifestId,
      destinationId,
      totalFiles,
      totalBytes,
      ...ownedBy(record),
    };
    try {
      await Promise.all([events.append('transferCreated', facts), store.insert(record)]);
    } catch (error) {
      this.#live.delete(record.id);
      throw error;
    }
    const structure = transfer.structure();
    this.#announcer.changed(transfer);
    if (transfer.record.status === 'pending') this.#enqueue(transfer);
    this.#pump();
    return structure;
  }

  /** Ends a transfer by the wish of a user; resolves when that is durable. */
  async cancel(transfer: LiveTransfer, userName: string): Promise<TransferStructure> {
    const message = `The transfer was cancelled by ${JSON.stringify(userName)}`;
    transfer.retryTimer?.cancel();
    this.#queue.remove(queuedOf(transfer.record));
    this.#become(transfer, 'cancelled', { errorCode: 'cancelled', errorMessage: message });
    if (this.#running.has(transfer.id)) {
      this.#dataPlane?.stopSend(transfer.id, { code: 'cancelled', message });
    }
    const structure = transfer.structure();
    await transfer.saved;
    return structure;
  }

  sendStarted(transferId: string, peer: PeerFacts, path?: FlowPath): void {
    const transfer = this.#running.get(transferId);
    if (transfer === undefined || transfer.record.status !== 'active') return;
    const { record } = transfer;
    if (!this.#options.destinations.peerSeen(record.destinationId, peer)) {
      const code = 'peer_identity_mismatch';
      const message = `Cannot send to "${record.destinationId}": the server there shows the key "${peer.publicKey}", expected the pinned one`;
      this.#become(transfer, 'error', { errorCode: code, errorMessage: message });
      this.#dataPlane?.stopSend(transferId, { code, message });
      return;
    }
    const isBack = record.failures > 0;
    transfer.change({
      startTimeUs: record.startTimeUs ?? transfer.nowUs(),
      path: (path ?? this.#dataPlane)?.path ?? null,
      pathReason: (path ?? this.#dataPlane)?.pathReason ?? null,
      errorCode: null,
      errorMessage: '',
    });
    if (isBack) this.#log(transfer);
    this.#saveSoon();
    this.#announcer.changed(transfer);
    // The key is pinned now, so there may be room for more.
    this.#pump();
  }

  sendProgress(transferId: string, progress: SendProgress): void {
    const transfer = this.#running.get(transferId);
    if (transfer === undefined || transfer.record.status !== 'active') return;
    transfer.advance(progress);
    this.#options.destinations.progress(transfer.record.destinationId, transferId, progress);
    this.#saveSoon();
    this.#announcer.changed(transfer);
  }

  sendEnded(transferId: string, outcome: SendOutcome): void {
    const transfer = this.#running.get(transferId);
    if (transfer === undefined) return;
    this.#running.delete(transferId);
    this.#queue.release(transferId);
    const error = outcome.kind === 'complete' ? null : outcome.message;
    const { destinationId } = transfer.record;
    this.#options.destinations.attemptEnded(destinationId, transferId, error);
    // Otherwise it was cancelled, or ended for another reason, while the attempt ran.
    if (transfer.record.status === 'active') this.#settle(transfer, outcome);
    this.#pump();
  }

  #settle(transfer: LiveTransfer, outcome: SendOutcome): void {
    const { durableBefore } = transfer;
    const facts = { outcome, nowUs: transfer.nowUs(), durableBefore };
    const { next, change } = outcomeChange(transfer.record, facts);
    if (next !== 'retry') {
      this.#become(transfer, next, change);
      return;
    }
    if (this.#isStopping) {
      // The break is of our own making and says nothing about the receiver.
      this.#become(transfer, 'queued');
      return;
    }
    this.#become(transfer, 'queued', change);
    const { log, clock, random } = this.#options;
    const { failures, errorCode } = transfer.record;
    const pauseMs = retryPauseMs({ failures, code: errorCode }, random());
    log.info({ transferId: transfer.id, pauseMs, ...change }, 'transfer is tried again');
    transfer.retryTimer = clock.after(pauseMs, () => {
      transfer.retryTimer = null;
      if (transfer.record.status !== 'queued') return;
      this.#queue.add(queuedOf(transfer.record));
      this.#pump();
    });
  }

  #enqueue(transfer: LiveTransfer): void {
    this.#become(transfer, 'queued', {
      queueTimeUs: transfer.record.queueTimeUs ?? transfer.nowUs(),
    });
    this.#queue.add(queuedOf(transfer.record));
  }

  /** Starts whatever may run now. */
  #pump(): void {
    const dataPlane = this.#dataPlane;
    if (dataPlane === null) return;
    while (!this.#isStopping) {
      const next = this.#queue.next();
      if (next === null) return;
      const transfer = this.#live.get(next.transferId);
      if (transfer === undefined || transfer.record.status !== 'queued') {
        this.#queue.release(next.transferId);
        continue;
      }
      this.#launch(transfer, dataPlane);
    }
  }

  #launch(transfer: LiveTransfer, dataPlane: DataPlane): void {
    const { destinationId } = transfer.record;
    const { destinations, listPath } = this.#options;
    const destination = destinations.record(destinationId);
    if (destination === null) {
      this.#queue.release(transfer.id);
      const errorMessage = `Cannot send to "${destinationId}": the destination is gone`;
      this.#become(transfer, 'error', { errorCode: 'not_found', errorMessage });
      return;
    }
    this.#become(transfer, 'active');
    this.#running.set(transfer.id, transfer);
    destinations.attemptStarted(destinationId, transfer.id);
    try {
      dataPlane.send(sendOrderOf(transfer.record, destination, listPath));
    } catch (error) {
      this.#options.log.error({ transferId: transfer.id, err: error }, 'cannot start to send');
      const message = 'Cannot start to send: unexpected failure of the data plane';
      this.sendEnded(transfer.id, { kind: 'interrupted', code: 'internal', message });
    }
  }

  #become(
    transfer: LiveTransfer,
    status: TransferState,
    change: Partial<TransferRecord> = {},
  ): void {
    const isEnd = hasEnded(status);
    transfer.become(status, isEnd ? { ...change, endTimeUs: transfer.nowUs() } : change);
    // Attempts that go on failing are one story in the log, told at its beginning and end.
    if (isEnd || transfer.record.failures <= (status === 'active' ? 0 : 1)) this.#log(transfer);
    this.#announcer.changed(transfer);
    transfer.saved = this.#save(transfer).then(() => {
      if (isEnd) this.#live.delete(transfer.id);
      this.#options.onSaved(transfer.id);
    });
    // The rejection is told where it is waited for; elsewhere the next save tries again.
    transfer.saved.catch(() => {});
  }

  #log(transfer: LiveTransfer): void {
    const { id, status, errorCode, errorMessage } = transfer.record;
    const state = { transferId: id, status, errorCode, errorMessage };
    const facts = { ...state, ...ownedBy(transfer.record) };
    this.#options.events.append('transferUpdated', facts).catch((error: unknown) => {
      this.#options.log.error({ transferId: id, err: error }, 'cannot log an event');
    });
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
        if (transfer.isDirty) this.#saveAgain(transfer);
      }
    });
  }

  #saveAgain(transfer: LiveTransfer): void {
    this.#save(transfer).then(
      () => {
        if (!hasEnded(transfer.record.status) || transfer.isDirty) return;
        this.#live.delete(transfer.id);
        this.#options.onSaved(transfer.id);
      },
      // Logged, and tried again.
      () => {},
    );
  }

  #some(matches: (record: TransferRecord) => boolean): boolean {
    for (const { record } of this.#live.values()) {
      if (!hasEnded(record.status) && matches(record)) return true;
    }
    return false;
  }
}

const queuedOf = (record: TransferRecord): QueuedTransfer => ({
  transferId: record.id,
  destinationId: record.destinationId,
  priority: record.priority,
});
