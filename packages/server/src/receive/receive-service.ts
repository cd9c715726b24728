/**
 * Receiving: decides on offers, remembers what arrives, and shows it. What another server says is
 * hostile input until it is checked here; names of files are checked again where they are written.
 *
 * A transfer belongs to the sender that began it: the same id from another key is refused, and so is
 * the same transfer to another place. The right is checked at every offer, and again while files
 * arrive (`right-rechecks.ts`); a deleted token ends no transfer that has begun.
 */
import { CommandError } from '@jetstream/contract';
import { type Clock, every, type Timer } from '../adapters/clock/clock.js';
import type { Logger } from '../adapters/log/logger.js';
import type {
  DataPlane,
  DataPlaneEvents,
  PeerFacts,
  ReceiveDecision,
  ReceiveOffer,
  ReceiveOutcome,
  ReceiveProgress,
} from '../data/data-plane.js';
import { ownedBy } from '../events/event-fields.js';
import type { EventLog } from '../events/event-log.js';
import { type Caller, mayAccess } from '../sessions/caller.js';
import { checkOffer } from './check-offer.js';
import { grownTotals, hasSameTotals, isHeldFrom, type ReceiveRecord } from './receive-record.js';
import { type ReceiveRight, type ReceiveRightsPorts, receiveRightOf } from './receive-rights.js';
import type { ReceiveStore } from './receive-store.js';
import { RightRechecks } from './right-rechecks.js';
import { SourceTable } from './source-table.js';

/** Most transfers of one sender that have begun and not ended. */
export const RECEIVE_UNFINISHED_PER_PEER_MAX = 10_000;
/** Most transfers of all senders that have begun and not ended. */
export const RECEIVE_UNFINISHED_MAX = 100_000;
/** How long a broken transfer waits for its sender, which tries for seven days. */
export const RECEIVE_ABANDONED_DAYS = 8;

/** A transfer that had ended and whose sender comes back. */
const ANEW = {
  status: 'receiving',
  errorCode: null,
  errorMessage: '',
  isDiscarded: false,
} as const;
const DAY_US = 86_400_000_000;
const ABANDONED_INTERVAL_MS = 3_600_000;

export interface ReceiveServiceOptions {
  readonly store: ReceiveStore;
  readonly events: EventLog;
  readonly clock: Clock;
  readonly log: Logger;
  readonly rights: ReceiveRightsPorts;
}

/** A transfer that has not ended, or that is being confirmed once more. */
interface Incoming {
  record: ReceiveRecord;
  /** Whether a flow carries it now. */
  isActive: boolean;
  /** Bytes of the running attempt that are counted already. */
  bytesCounted: number;
}

/** @see the head of this file */
export class ReceiveService
  implements
    Pick<DataPlaneEvents, 'receiveOffered' | 'receiveProgress' | 'receiveEnded' | 'peerChanged'>
{
  readonly #options: ReceiveServiceOptions;
  readonly #incoming = new Map<string, Incoming>();
  readonly #deciding = new Map<string, Promise<unknown>>();
  readonly sources: SourceTable;
  #dataPlane: DataPlane | null = null;
  readonly #rechecks: RightRechecks;
  #abandoning: Timer | null = null;

  constructor(options: ReceiveServiceOptions) {
    this.#options = options;
    this.sources = new SourceTable(options.clock);
    const { clock, log, rights } = options;
    this.#rechecks = new RightRechecks({ receive: this, tokens: rights.tokens, clock, log });
  }

  /** Loads what an earlier run of the server has begun; call it before offers can come in. */
  async load(): Promise<void> {
    for (const record of await this.#options.store.unfinished()) {
      this.#incoming.set(record.id, { record, isActive: false, bytesCounted: 0 });
    }
  }

  /** Offers may be stopped from now on, and what was abandoned ends in time. */
  start(dataPlane: DataPlane): void {
    this.#dataPlane = dataPlane;
    this.#abandoning = every(this.#options.clock, ABANDONED_INTERVAL_MS, () => this.endAbandoned());
    this.#rechecks.start();
  }

  stop(): void {
    this.#rechecks.stop();
    this.#abandoning?.cancel();
  }

  /** What is being received, by id; records of finished transfers are in the store. */
  find(transferId: string): { readonly record: ReceiveRecord; readonly isActive: boolean } | null {
    return this.#incoming.get(transferId) ?? null;
  }

  /** Transfers of a sender that arrive at this moment and that the caller may see. */
  activeCount(peerKey: string, caller: Caller): number {
    let count = 0;
    for (const { record, isActive } of this.#incoming.values()) {
      if (!isActive || record.status !== 'receiving' || record.peerKey !== peerKey) continue;
      if (mayAccess(caller, record)) count += 1;
    }
    return count;
  }

  /** Refuses what a sender that has lost its right is sending. */
  keyRemoved(peerKey: string): void {
    this.refuseActive(
      (record) =>
        record.peerKey === peerKey &&
        (record.rightBy === 'key' || this.#options.rights.isOnlyAuthorized()),
    );
  }

  /** Refuses what senders are sending that are not authorised. */
  onlyAuthorized(): void {
    this.refuseActive((record) => !this.#options.rights.isAuthorized(record.peerKey));
  }

  /** What arrives at this moment. */
  activeRecords(): ReceiveRecord[] {
    return [...this.#incoming.values()].flatMap(({ record, isActive }) => (isActive ? record : []));
  }

  /** Refuses what is arriving and has lost its right. */
  refuseActive(hasLostRight: (record: ReceiveRecord) => boolean): void {
    const reason = {
      code: 'peer_refused',
      message: 'Cannot go on: the right of this server was taken back',
    } as const;
    for (const record of this.activeRecords()) {
      if (hasLostRight(record)) this.#dataPlane?.stopReceive(record.id, reason);
    }
  }

  async receiveOffered(offer: ReceiveOffer): Promise<ReceiveDecision> {
    try {
      return await this.inTurn(offer.transferId, () => this.#decide(offer));
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      const { address, port, publicKey } = offer.peer;
      const facts = { address, port, publicKey, transferId: offer.transferId, code: error.code };
      if (error.code !== 'cancelled') {
        this.#options.log.warn(facts, `an offer was refused: ${error.message}`);
      }
      return { accepted: false, code: error.code, message: error.message };
    }
  }

  /**
   * Decides something about one transfer. Decisions follow one another, so that two offers never
   * both begin it, and none begins what is being thrown away.
   */
  async inTurn<T>(transferId: string, decide: () => Promise<T>): Promise<T> {
    const before = this.#deciding.get(transferId) ?? Promise.resolve();
    const decision = before.catch(() => {}).then(decide);
    this.#deciding.set(transferId, decision);
    try {
      return await decision;
    } finally {
      if (this.#deciding.get(transferId) === decision) this.#deciding.delete(transferId);
    }
  }

  receiveProgress(transferId: string, progress: ReceiveProgress): void {
    const incoming = this.#incoming.get(transferId);
    if (incoming === undefined) return;
    const { clock } = this.#options;
    const { peerKey } = incoming.record;
    this.sources.received(peerKey, Math.max(0, progress.bytesReceived - incoming.bytesCounted));
    incoming.bytesCounted = progress.bytesReceived;
    incoming.isActive = true;
    incoming.record = {
      ...incoming.record,
      ...grownTotals(incoming.record, progress),
      bytesDurable: progress.bytesDurable,
      lastRecvTimeUs: clock.nowUs(),
    };
  }

  receiveEnded(transferId: string, outcome: ReceiveOutcome): void {
    const incoming = this.#incoming.get(transferId);
    if (incoming === undefined) return;
    incoming.isActive = false;
    const wasComplete = incoming.record.status === 'complete';
    incoming.record = this.#afterEnd(incoming.record, outcome);
    const { record } = incoming;
    if (record.status !== 'receiving' && !wasComplete) this.#tellEnd(record);
    const saved = this.#options.store.update(record);
    saved.then(
      () => {
        const isStill = this.#incoming.get(transferId) === incoming && !incoming.isActive;
        if (isStill && record.status !== 'receiving') this.#incoming.delete(transferId);
      },
      (error: unknown) =>
        this.#options.log.error({ transferId, err: error }, 'cannot save a received transfer'),
    );
  }

  peerChanged(peer: PeerFacts, state: 'connected' | 'disconnected'): void {
    this.sources.changed(peer, state);
  }

  async #decide(offer: ReceiveOffer): Promise<ReceiveDecision> {
    checkOffer(offer);
    const { transferId, peer } = offer;
    const known =
      this.#incoming.get(transferId)?.record ?? (await this.#options.store.find(transferId));
    if (offer.withdraws === true && !isHeldFrom(peer, known)) {
      throw new CommandError('cancelled', `Nothing is kept of transfer "${transferId}"`);
    }
    const right = await receiveRightOf(offer, this.#options.rights, known);
    if (known === null) await this.#begin(offer, right);
    else await this.#goOn(known, offer, right);
    this.sources.changed(peer, 'connected', true);
    const { root, components, ownership } = right;
    return { accepted: true, root, components, owner: ownership.owner };
  }

  async #begin(offer: ReceiveOffer, right: ReceiveRight): Promise<void> {
    const { store, events, clock } = this.#options;
    const { transferId, peer, destinationPath } = offer;
    const [totalFiles, totalBytes] = [offer.totalFiles ?? 0, offer.totalBytes ?? 0];
    this.#checkCounts(peer);
    const record: ReceiveRecord = {
      ...right.ownership,
      id: transferId,
      peerKey: peer.publicKey,
      sourceIP: peer.address,
      sourcePort: peer.port,
      rightBy: right.by,
      destinationPath,
      root: right.root,
      components: right.components,
      status: 'receiving',
      errorCode: null,
      errorMessage: '',
      totalFiles,
      totalBytes,
      isOpen: offer.totalFiles === null,
      bytesDurable: 0,
      startTimeUs: clock.nowUs(),
      endTimeUs: null,
      lastRecvTimeUs: clock.nowUs(),
      lastErrorTimeUs: null,
      receiptPath: null,
    };
    const incoming: Incoming = { record, isActive: true, bytesCounted: 0 };
    this.#incoming.set(transferId, incoming);
    const facts = {
      transferId,
      sourceIP: peer.address,
      sourcePublicKey: peer.publicKey,
      ...ownedBy(right.ownership),
      destinationPath,
      totalFiles,
      totalBytes,
    };
    try {
      await Promise.all([events.append('receiveStarted', facts), store.insert(record)]);
    } catch (error) {
      this.#incoming.delete(transferId);
      throw error;
    }
  }

  /** The sender comes back: after a break, or because it has missed that all has arrived. */
  async #goOn(known: ReceiveRecord, offer: ReceiveOffer, right: ReceiveRight): Promise<void> {
    const { transferId, peer } = offer;
    if (known.peerKey !== peer.publicKey) {
      throw new CommandError(
        'peer_refused',
        `Cannot receive transfer "${transferId}": another server began it, expected a new id`,
      );
    }
    const place = JSON.stringify([known.root, known.components]);
    const wanted = JSON.stringify([right.root, right.components]);
    const isSame = offer.withdraws === true || hasSameTotals(known, offer);
    if (place !== wanted || !isSame) {
      throw new CommandError(
        'peer_refused',
        `Cannot go on with transfer "${transferId}": it began with other files or another destination path, expected a new transfer`,
      );
    }
    const record: ReceiveRecord = {
      ...known,
      ...right.ownership,
      sourceIP: peer.address,
      sourcePort: peer.port,
      rightBy: right.by,
      lastRecvTimeUs: this.#options.clock.nowUs(),
      ...(known.status === 'error' ? { ...ANEW, endTimeUs: null } : {}),
    };
    this.#incoming.set(transferId, { record, isActive: true, bytesCounted: 0 });
    if (known.status === 'error') await this.#options.store.update(record);
  }

  #checkCounts(peer: PeerFacts): void {
    let ofPeer = 0;
    for (const { record } of this.#incoming.values()) {
      if (record.peerKey === peer.publicKey) ofPeer += 1;
    }
    if (
      this.#incoming.size >= RECEIVE_UNFINISHED_MAX ||
      ofPeer >= RECEIVE_UNFINISHED_PER_PEER_MAX
    ) {
      throw new CommandError(
        'too_many_requests',
        `Cannot receive another transfer: ${ofPeer} of this server (${this.#incoming.size} in all) have not ended, expected fewer`,
      );
    }
  }

  #afterEnd(record: ReceiveRecord, outcome: ReceiveOutcome): ReceiveRecord {
    const nowUs = this.#options.clock.nowUs();
    if (outcome.kind === 'interrupted') {
      // What was complete stays so; only its confirmation was interrupted.
      if (record.status === 'complete') return record;
      return { ...record, lastErrorTimeUs: nowUs, errorMessage: outcome.message };
    }
    if (outcome.kind === 'failed') {
      return {
        ...record,
        status: 'error',
        errorCode: outcome.code,
        errorMessage: outcome.message,
        isDiscarded: outcome.discarded ?? false,
        lastErrorTimeUs: nowUs,
        endTimeUs: nowUs,
      };
    }
    const { fileErrors, receiptPath, files: totalFiles, bytes: totalBytes } = outcome;
    const first = fileErrors[0];
    const totals = { totalFiles, totalBytes };
    const done = { ...record, ...totals, receiptPath, endTimeUs: record.endTimeUs ?? nowUs };
    if (first === undefined) {
      return {
        ...done,
        status: 'complete',
        errorCode: null,
        errorMessage: '',
        bytesDurable: totalBytes,
      };
    }
    const count = `${fileErrors.length} of ${totalFiles} files failed`;
    const errorMessage = `${count}; the first: ${first.message}`;
    return { ...done, status: 'error', errorCode: first.code, errorMessage };
  }

  #tellEnd(record: ReceiveRecord): void {
    const { id: transferId, totalFiles, totalBytes, errorCode, errorMessage, receiptPath } = record;
    const { events } = this.#options;
    const owned = ownedBy(record);
    const told =
      record.status === 'complete'
        ? events.append('receiveComplete', {
            ...{ transferId, totalFiles, totalBytes, receiptPath },
            ...owned,
          })
        : events.append('receiveFailed', { transferId, errorCode, errorMessage, ...owned });
    told.catch((error: unknown) => {
      this.#options.log.error({ transferId, err: error }, 'cannot log an event');
    });
  }

  /** Ends what no sender has come back for; its part files are garbage from then on. */
  endAbandoned(): void {
    const nowUs = this.#options.clock.nowUs();
    for (const [id, { record, isActive }] of this.#incoming) {
      const lastUs = record.lastRecvTimeUs ?? record.startTimeUs;
      if (isActive || nowUs - lastUs < RECEIVE_ABANDONED_DAYS * DAY_US) continue;
      const message = `The sender has not come back for ${RECEIVE_ABANDONED_DAYS} days`;
      this.receiveEnded(id, { kind: 'failed', code: 'timeout', message });
    }
  }
}
