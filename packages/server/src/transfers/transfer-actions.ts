/** What users do to a transfer that exists: change it, stop it, let it go on. */
import { CommandError, type Params, type TransferStructure } from '@jetstream/contract';
import type { DestinationService } from '../destinations/destination-service.js';
import { ownedBy } from '../events/event-fields.js';
import type { EventLog } from '../events/event-log.js';
import { assertComplete, type ManifestService } from '../manifests/manifest-service.js';
import type { Caller } from '../sessions/caller.js';
import type { LiveTransfer } from './live-transfer.js';
import { closedTotals } from './open-transfers.js';
import { checkRate } from './send-rate.js';
import type { TransferEnd } from './transfer-end.js';
import type { TransferEngine } from './transfer-engine.js';
import type { TransferRecord } from './transfer-record.js';
import type { TransferService } from './transfer-service.js';
import { hasEnded, mayBecome, type TransferState } from './transfer-states.js';

export interface TransferActionsOptions {
  readonly engine: TransferEngine;
  readonly events: EventLog;
  readonly transfers: TransferService;
  readonly manifests: ManifestService;
  readonly destinations: DestinationService;
}

type Change = Pick<
  Params<'send.updateTransfer'>,
  'transferId' | 'priority' | 'sendRateMax' | 'rateControlMethod'
>;

/** A ceiling as the API writes it: 0 is none, absent stays as it is. */
const ceilingOf = (wanted: number | null | undefined, present: number | null): number | null =>
  wanted === 0 ? null : (wanted ?? present);

/** @see the head of this file */
export class TransferActions {
  readonly #options: TransferActionsOptions;

  constructor(options: TransferActionsOptions) {
    this.#options = options;
  }

  async update(caller: Caller, change: Partial<Change>): Promise<TransferStructure> {
    const transfer = await this.#unfinished(caller, change.transferId ?? '', 'change');
    const { record } = transfer;
    const sendRateMax = ceilingOf(change.sendRateMax, record.sendRateMax);
    const wanted = change.rateControlMethod ?? null;
    const rateControlMethod =
      wanted === null ? record.rateControlMethod : wanted === 'destination' ? null : wanted;
    const destination = this.#options.destinations.record(record.destinationId);
    const ofDestination = { sendRateMax: destination?.sendRateMax ?? null };
    checkRate({ ownMax: sendRateMax, policy: rateControlMethod, destination: ofDestination });
    const changed = {
      priority: change.priority ?? record.priority,
      sendRateMax,
      rateControlMethod,
    };
    const facts = { transferId: record.id, ...changed, by: caller.userName };
    const { engine, events } = this.#options;
    const logged = events.append('transferChanged', { ...facts, ...ownedBy(record) });
    const [structure] = await Promise.all([engine.amend(transfer, changed), logged]);
    return structure;
  }

  async suspend(caller: Caller, transferId: string): Promise<TransferStructure> {
    const transfer = await this.#unfinished(caller, transferId, 'suspend');
    requireStep(transfer.record, 'suspended', 'suspend');
    return this.#options.engine.suspend(transfer, caller.userName);
  }

  async resume(caller: Caller, transferId: string): Promise<TransferStructure> {
    const transfer = await this.#unfinished(caller, transferId, 'resume');
    if (transfer.record.status !== 'suspended') throw conflict(transfer.record, 'resume');
    return this.#options.engine.resume(transfer);
  }

  async cancel(
    caller: Caller,
    { transferId, keepPartial }: Params<'send.cancelTransfer'>,
  ): Promise<TransferStructure> {
    const message = `The transfer was cancelled by ${JSON.stringify(caller.userName)}`;
    const aftermath = keepPartial === true ? 'keep' : 'discard';
    const end = { status: 'cancelled', code: 'cancelled', message, aftermath } as const;
    return this.#end(caller, transferId, { end, action: 'cancel' });
  }

  async fail(
    caller: Caller,
    { transferId, errorMessage: message }: Params<'send.failTransfer'>,
  ): Promise<TransferStructure> {
    const end = { status: 'error', code: 'failed_by_user', message, aftermath: 'keep' } as const;
    return this.#end(caller, transferId, { end, action: 'fail' });
  }

  /** Queues again what has ended, or at once what waits for its next attempt. */
  async retry(caller: Caller, transferId: string): Promise<TransferStructure> {
    const { engine, transfers, manifests, destinations } = this.#options;
    const known = await transfers.find(caller, transferId);
    const live = engine.find(transferId);
    if (live !== null && live.record.status === 'queued') return engine.hurry(live);
    requireStep(known, 'queued', 'retry');
    if (known.status === 'suspended' || !hasEnded(known.status)) throw conflict(known, 'retry');
    destinations.find(caller, known.destinationId);
    const manifest = await manifests.find(caller, known.manifestId);
    assertComplete(manifest);
    if (!manifests.isUsable(manifest.id)) throw conflict(known, 'retry');
    transfers.checkRoom();
    // Read again, because all of that took time.
    const record = await transfers.find(caller, transferId);
    requireStep(record, 'queued', 'retry');
    if (!hasEnded(record.status)) throw conflict(record, 'retry');
    const structure = await engine.restart(record, closedTotals(manifest));
    if (structure === null) throw conflict(record, 'retry');
    return structure;
  }

  async #end(
    caller: Caller,
    transferId: string,
    { end, action }: { readonly end: TransferEnd; readonly action: string },
  ): Promise<TransferStructure> {
    const transfer = await this.#unfinished(caller, transferId, action);
    return this.#options.engine.end(transfer, end);
  }

  /** @throws {CommandError} `not_found`, `conflict` for one that has ended. */
  async #unfinished(caller: Caller, transferId: string, action: string): Promise<LiveTransfer> {
    const record = await this.#options.transfers.find(caller, transferId);
    const live = this.#options.engine.find(transferId);
    if (live === null || hasEnded(live.record.status)) {
      throw conflict(live?.record ?? record, action);
    }
    return live;
  }
}

/** What an action needs, in words; docs/TRANSFERS.md has the table. */
const NEEDS: Readonly<Record<string, string>> = {
  suspend: '"queued" or "active"',
  resume: '"suspended"',
  retry: '"error", "cancelled" or "queued"',
};

const conflict = ({ id, status }: TransferRecord, action: string): CommandError => {
  const needed = NEEDS[action] ?? 'one that has not ended';
  const text = `Cannot ${action} transfer "${id}": its status is "${status}", expected ${needed}`;
  return new CommandError('conflict', text, { details: { transferId: id, status } });
};

const requireStep = (record: TransferRecord, next: TransferState, action: string): void => {
  if (!mayBecome(record.status, next)) throw conflict(record, action);
};
