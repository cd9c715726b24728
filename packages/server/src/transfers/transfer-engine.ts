/**
 * Drives transfers from their request to their end: queue, attempts, pauses, results. What is
 * acknowledged is durable first.
 *
 * The data plane answers orders by events, which come in through `sendStarted`, `sendProgress` and
 * `sendEnded`. A slot of the queue is taken by `send` and given back by `sendEnded`, also when the
 * transfer was cancelled or suspended meanwhile; until then it is not sent again.
 */
import type { TransferStructure } from '@jetstream/contract';
import type {
  DataPlane,
  DataPlaneEvents,
  FlowPath,
  PeerFacts,
  SendOutcome,
  SendProgress,
} from '../data/data-plane.js';
import { ownedBy } from '../events/event-fields.js';
import type { EngineDestinations } from './engine-destinations.js';
import type { LiveTransfer } from './live-transfer.js';
import { LiveTransfers, type LiveTransfersOptions } from './live-transfers.js';
import { retryPauseMs } from './retry-policy.js';
import { sendOrderOf } from './send-order.js';
import type { TransferEnd } from './transfer-end.js';
import { outcomeChange } from './transfer-outcome.js';
import { queuedOf, TransferQueue } from './transfer-queue.js';
import type { Totals, TransferRecord } from './transfer-record.js';
import { restartChange } from './transfer-restart.js';
import { Withdrawals, type WithdrawalsOptions } from './withdrawals.js';

/** Most transfers that run at the same time. */
export const TRANSFERS_ACTIVE_MAX = 200;
/** Most transfers to one destination that run at the same time. */
export const TRANSFERS_ACTIVE_PER_DESTINATION_MAX = 8;

export interface TransferEngineOptions extends LiveTransfersOptions, WithdrawalsOptions {
  readonly destinations: EngineDestinations;
  /** Absolute path of a manifest's file list. */
  readonly listPath: (manifestId: string) => string;
}

/** @see the head of this file */
export class TransferEngine
  implements Pick<DataPlaneEvents, 'sendStarted' | 'sendProgress' | 'sendEnded'>
{
  readonly #options: TransferEngineOptions;
  readonly #live: LiveTransfers;
  /** Transfers that the data plane has, stopped ones included. */
  readonly #running = new Map<string, LiveTransfer>();
  /** Ended ones whose records are being removed. */
  readonly #removing = new Set<string>();
  readonly #queue: TransferQueue;
  readonly #withdrawals: Withdrawals;
  #dataPlane: DataPlane | null = null;
  #isStopping = false;

  constructor(options: TransferEngineOptions) {
    this.#options = options;
    this.#live = new LiveTransfers(options);
    this.#withdrawals = new Withdrawals(options);
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
      const transfer = this.#live.load(record);
      if (record.status === 'suspended') continue;
      if (record.status === 'queued') this.#queue.add(queuedOf(record));
      else this.#enqueue(transfer);
    }
    await this.#withdrawals.start(dataPlane);
    this.#pump();
  }

  /** Starts nothing new. What still runs ends with the data plane. */
  beginStop(): void {
    this.#isStopping = true;
    this.#withdrawals.stop();
    for (const transfer of this.#live.values()) transfer.retryTimer?.cancel();
  }

  /** Writes what is not yet durable; call it after the data plane has stopped. */
  async stop(): Promise<void> {
    this.beginStop();
    await this.#live.stop();
  }

  unfinishedByState(): ReturnType<LiveTransfers['countByState']> {
    return this.#live.countByState();
  }

  /** Number of transfers that have not ended. */
  get unfinishedCount(): number {
    return this.#live.size;
  }

  /** A transfer that has not ended; one that has just ended stays until that is durable. */
  find(transferId: string): LiveTransfer | null {
    return this.#live.get(transferId);
  }

  /** Those in memory; some have just ended. */
  unfinished(): Iterable<LiveTransfer> {
    return this.#live.values();
  }

  /** Whether a transfer that has not ended sends this manifest. */
  usesManifest(manifestId: string): boolean {
    return this.#live.some((record) => record.manifestId === manifestId);
  }

  /** Whether a transfer that has not ended goes to this destination. */
  usesDestination(destinationId: string): boolean {
    return this.#live.some((record) => record.destinationId === destinationId);
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
    const transfer = await this.#live.add(record);
    const structure = transfer.structure();
    this.#live.announce(transfer);
    if (transfer.record.status === 'pending') this.#enqueue(transfer);
    this.#pump();
    return structure;
  }

  /** Ends a transfer by the wish of a user; resolves when that is durable. */
  end(transfer: LiveTransfer, end: TransferEnd): Promise<TransferStructure> {
    const { status, code, message, aftermath } = end;
    this.#halt(transfer);
    // Without a start, the receiver has nothing.
    if (aftermath === 'discard' && transfer.record.startTimeUs !== null) this.#withdraw(transfer);
    this.#live.become(transfer, status, { errorCode: code, errorMessage: message });
    this.#stopSending(transfer, { code, message, aftermath });
    return this.#acknowledge(transfer);
  }

  /** Keeps a transfer out of the queue, with its progress; resolves when that is durable. */
  suspend(transfer: LiveTransfer, by: string): Promise<TransferStructure> {
    const message = `The transfer was suspended by ${JSON.stringify(by)}`;
    this.#halt(transfer);
    this.#live.become(transfer, 'suspended', { errorCode: null, errorMessage: '' });
    this.#stopSending(transfer, { code: 'cancelled', message, aftermath: 'pause' });
    return this.#acknowledge(transfer);
  }

  /** Queues a suspended transfer; resolves when that is durable. */
  resume(transfer: LiveTransfer): Promise<TransferStructure> {
    this.#enqueue(transfer);
    this.#pump();
    return this.#acknowledge(transfer);
  }

  /** Ends the pause before the next attempt. */
  hurry(transfer: LiveTransfer): Promise<TransferStructure> {
    if (transfer.retryTimer !== null) this.#retryNow(transfer);
    return this.#acknowledge(transfer);
  }

  /**
   * Queues a transfer again that has ended.
   *
   * @returns Null when its record is gone or about to go.
   */
  async restart(record: TransferRecord, totals: Totals): Promise<TransferStructure | null> {
    if (this.#removing.has(record.id)) return null;
    const transfer = this.#live.get(record.id) ?? this.#live.load(record);
    this.#withdrawals.drop(record.id);
    this.#enqueue(transfer, { ...restartChange(transfer.record), ...totals });
    this.#pump();
    return this.#acknowledge(transfer);
  }

  /** Changes what a user may change while a transfer lives; resolves when that is durable. */
  amend(
    transfer: LiveTransfer,
    change: Partial<
      Pick<TransferRecord, 'priority' | 'sendRateMax' | 'rateControlMethod' | 'userData'> & Totals
    >,
  ): Promise<TransferStructure> {
    const wasWaiting = this.#queue.remove(queuedOf(transfer.record));
    this.#live.amend(transfer, change);
    if (wasWaiting) this.#queue.add(queuedOf(transfer.record));
    this.#sendTerms(transfer);
    return this.#acknowledge(transfer);
  }

  /** Running transfers of a destination follow its new ceiling and policy. */
  destinationChanged(destinationId: string): void {
    for (const transfer of this.#running.values()) {
      if (transfer.record.destinationId === destinationId) this.#sendTerms(transfer);
    }
  }

  /**
   * Removes the record of a transfer that has ended.
   *
   * @param by Who wants that; null for a collection.
   * @returns False when it is in memory, because its end is not durable or it was queued again.
   */
  async remove(record: TransferRecord, by: string | null): Promise<boolean> {
    if (this.#live.get(record.id) !== null || this.#removing.has(record.id)) return false;
    const { events, store } = this.#options;
    const facts = { transferId: record.id, by, ...ownedBy(record) };
    this.#removing.add(record.id);
    try {
      await Promise.all([events.append('transferDeleted', facts), store.remove(record.id)]);
    } finally {
      this.#removing.delete(record.id);
    }
    return true;
  }

  sendStarted(transferId: string, peer: PeerFacts, path?: FlowPath): void {
    const transfer = this.#running.get(transferId);
    if (transfer === undefined || transfer.record.status !== 'active') return;
    const { record } = transfer;
    if (!this.#options.destinations.peerSeen(record.destinationId, peer)) {
      const code = 'peer_identity_mismatch';
      const message = `Cannot send to "${record.destinationId}": the server there shows the key "${peer.publicKey}", expected the pinned one`;
      this.#live.become(transfer, 'error', { errorCode: code, errorMessage: message });
      this.#dataPlane?.stopSend(transferId, { code, message, aftermath: 'discard' });
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
    if (isBack) this.#live.tell(transfer);
    this.#live.noted(transfer);
    // The key is pinned now, so there may be room for more.
    this.#pump();
  }

  sendProgress(transferId: string, progress: SendProgress): void {
    const transfer = this.#running.get(transferId);
    if (transfer === undefined || transfer.record.status !== 'active') return;
    transfer.advance(progress);
    this.#options.destinations.progress(transfer.record.destinationId, transferId, progress);
    this.#live.noted(transfer);
  }

  sendEnded(transferId: string, outcome: SendOutcome): void {
    if (this.#withdrawals.ended(transferId, outcome)) {
      const transfer = this.#live.get(transferId);
      // It is to be sent after all.
      if (transfer?.record.status === 'queued') this.#queue.add(queuedOf(transfer.record));
      this.#pump();
      return;
    }
    const transfer = this.#running.get(transferId);
    if (transfer === undefined) return;
    this.#running.delete(transferId);
    this.#queue.release(transferId);
    const { destinationId, status } = transfer.record;
    // What a user has stopped says nothing about the receiver.
    const error = outcome.kind === 'complete' || status !== 'active' ? null : outcome.message;
    this.#options.destinations.attemptEnded(destinationId, transferId, error);
    if (status === 'active') this.#settle(transfer, outcome);
    // It was stopped and queued again before the attempt was over.
    else if (status === 'queued') this.#queue.add(queuedOf(transfer.record));
    else this.#withdrawals.begin(transferId);
    this.#pump();
  }

  #settle(transfer: LiveTransfer, outcome: SendOutcome): void {
    const { durableBefore } = transfer;
    const facts = { outcome, nowUs: transfer.nowUs(), durableBefore };
    const { next, change } = outcomeChange(transfer.record, facts);
    if (next !== 'retry') {
      this.#live.become(transfer, next, change);
      return;
    }
    if (this.#isStopping) {
      // The break is of our own making and says nothing about the receiver.
      this.#live.become(transfer, 'queued');
      return;
    }
    const { log, clock, random } = this.#options;
    const failures = change.failures ?? transfer.record.failures;
    const code = change.errorCode ?? transfer.record.errorCode;
    const pauseMs = retryPauseMs({ failures, code }, random());
    const nextRetryUs = transfer.nowUs() + pauseMs * 1000;
    this.#live.become(transfer, 'queued', { ...change, nextRetryUs });
    log.info({ transferId: transfer.id, pauseMs, ...change }, 'transfer is tried again');
    transfer.retryTimer = clock.after(pauseMs, () => this.#retryNow(transfer));
  }

  #retryNow(transfer: LiveTransfer): void {
    transfer.retryTimer?.cancel();
    transfer.retryTimer = null;
    if (transfer.record.status !== 'queued') return;
    transfer.change({ nextRetryUs: null });
    this.#queue.add(queuedOf(transfer.record));
    this.#pump();
  }

  #enqueue(transfer: LiveTransfer, change: Partial<TransferRecord> = {}): void {
    const queueTimeUs = transfer.record.queueTimeUs ?? transfer.nowUs();
    this.#live.become(transfer, 'queued', { ...change, queueTimeUs });
    // The data plane has one attempt of a transfer at a time.
    const isBusy = this.#running.has(transfer.id) || this.#withdrawals.isRunning(transfer.id);
    if (!isBusy) this.#queue.add(queuedOf(transfer.record));
  }

  /** Takes a transfer out of the queue and out of the pause before its next attempt. */
  #halt(transfer: LiveTransfer): void {
    transfer.retryTimer?.cancel();
    transfer.retryTimer = null;
    this.#queue.remove(queuedOf(transfer.record));
  }

  /** The receiver is told what a user has decided, when it can be told. */
  #withdraw({ id, record }: LiveTransfer): void {
    const destination = this.#options.destinations.record(record.destinationId);
    if (destination === null) return;
    this.#withdrawals.add(sendOrderOf(record, destination, this.#options.listPath));
    if (!this.#running.has(id)) this.#withdrawals.begin(id);
  }

  #stopSending(transfer: LiveTransfer, reason: Parameters<DataPlane['stopSend']>[1]): void {
    if (this.#running.has(transfer.id)) this.#dataPlane?.stopSend(transfer.id, reason);
  }

  async #acknowledge(transfer: LiveTransfer): Promise<TransferStructure> {
    const structure = transfer.structure();
    await transfer.saved;
    return structure;
  }

  /** Tells the data plane what has changed about an attempt that runs. */
  #sendTerms(transfer: LiveTransfer): void {
    const { record } = transfer;
    if (record.status !== 'active' || !this.#running.has(transfer.id)) return;
    const destination = this.#options.destinations.record(record.destinationId);
    if (destination === null) return;
    this.#dataPlane?.updateSend(sendOrderOf(record, destination, this.#options.listPath));
  }

  /** Starts whatever may run now. */
  #pump(): void {
    const dataPlane = this.#dataPlane;
    if (dataPlane === null) return;
    while (!this.#isStopping) {
      const next = this.#queue.next();
      if (next === null) return;
      const transfer = this.#live.get(next.transferId);
      if (transfer === null || transfer.record.status !== 'queued') {
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
      this.#live.become(transfer, 'error', { errorCode: 'not_found', errorMessage });
      return;
    }
    this.#live.become(transfer, 'active');
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
}
