/** Transfers as the API offers them: made, shown, waited for, cancelled, deleted. */
import {
  CommandError,
  DEFAULT_CHECKPOINT_SECONDS,
  DEFAULT_PRIORITY,
  OVERWRITE_ALWAYS,
  OVERWRITE_NEVER,
  type Params,
  type ReceiptPage,
  TRANSFER_FLAG_READ,
  TRANSFER_FLAG_WRITE,
  type TransferStructure,
} from '@jetstream/contract';
import type { Clock } from '../adapters/clock/clock.js';
import type { DestinationService } from '../destinations/destination-service.js';
import type { ChangeSignal } from '../events/change-signal.js';
import { ownedBy } from '../events/event-fields.js';
import type { EventLog } from '../events/event-log.js';
import type { IdSource } from '../manifests/id-source.js';
import { assertComplete, type ManifestService } from '../manifests/manifest-service.js';
import { readReceiptPage } from '../receipts/receipt-page.js';
import { parseSandboxPath } from '../sandboxes/sandbox-path.js';
import { type Caller, mayAccess, ownershipOf } from '../sessions/caller.js';
import { LIST_MAX } from './owner-filter.js';
import type { TransferEngine } from './transfer-engine.js';
import { type TransferRecord, transferStructureOf, ZERO_COUNTERS } from './transfer-record.js';
import { hasEnded } from './transfer-states.js';
import type { TransferStore } from './transfer-store.js';

/** Most transfers that have not ended. */
export const TRANSFERS_UNFINISHED_MAX = 100_000;

const FLAGS_ALL = TRANSFER_FLAG_READ + TRANSFER_FLAG_WRITE;

export interface TransferServiceOptions {
  readonly engine: TransferEngine;
  readonly store: TransferStore;
  readonly manifests: ManifestService;
  readonly destinations: DestinationService;
  readonly events: EventLog;
  readonly clock: Clock;
  readonly nextId: IdSource;
  /** Notified by the engine when a change is durable. */
  readonly changes: ChangeSignal;
}

/** @see the head of this file */
export class TransferService {
  readonly #options: TransferServiceOptions;

  constructor(options: TransferServiceOptions) {
    this.#options = options;
  }

  async create(caller: Caller, params: Params<'send.createTransfer'>): Promise<TransferStructure> {
    const { engine, manifests, destinations, clock, nextId } = this.#options;
    const flags = params.transferFlags ?? FLAGS_ALL;
    if (flags !== FLAGS_ALL) {
      throw new CommandError(
        'invalid_params',
        `Cannot start a transfer: "transferFlags" is ${flags}, expected ${FLAGS_ALL} (read and write)`,
        { details: { parameter: 'transferFlags', actual: flags } },
      );
    }
    const destinationPath = params.destinationPath ?? '';
    checkPublication(params);
    const manifest = await manifests.find(caller, params.manifestId);
    assertComplete(manifest);
    const destination = destinations.find(caller, params.destinationId);
    const minCipher = params.minCipher ?? destination.minCipher;
    destinations.checkCipher(minCipher);
    if (!manifests.isUsable(manifest.id)) throw notFound('manifest', manifest.id);
    if (engine.unfinishedCount >= TRANSFERS_UNFINISHED_MAX) {
      throw new CommandError(
        'too_many_requests',
        `Cannot start a transfer: ${engine.unfinishedCount} have not ended, expected fewer`,
      );
    }
    return engine.add({
      ...ownershipOf(caller),
      id: nextId(),
      manifestId: manifest.id,
      destinationId: destination.id,
      destinationPath,
      destinationToken: params.destinationToken ?? null,
      status: 'pending',
      errorCode: null,
      errorMessage: '',
      totalFiles: manifest.totalFiles ?? 0,
      totalBytes: manifest.totalSize ?? 0,
      checkpointFrequencySeconds: params.checkpointFrequencySeconds ?? DEFAULT_CHECKPOINT_SECONDS,
      priority: params.priority ?? DEFAULT_PRIORITY,
      overwriteMode: params.overwriteMode ?? OVERWRITE_ALWAYS,
      stopOnFileError: params.onFileError === 'stop',
      publishWhole: params.publish === 'whole',
      verifyMode: params.verifyMode ?? 'chunks',
      transferFlags: flags,
      minCipher,
      requestTimeUs: clock.nowUs(),
      queueTimeUs: null,
      startTimeUs: null,
      endTimeUs: null,
      counters: ZERO_COUNTERS,
      failures: 0,
      stalledSinceUs: null,
      path: null,
      pathReason: null,
      fileErrors: [],
      receiptPath: null,
      userData: {},
    });
  }

  async get(caller: Caller, transferId: string): Promise<TransferStructure> {
    const record = await this.#find(caller, transferId);
    return this.#structureOf(record);
  }

  /** A part of the receipt of a transfer that was complete. */
  async receipt(caller: Caller, params: Params<'send.getReceipt'>): Promise<ReceiptPage> {
    const { transferId, offset, limit } = params;
    const { receiptPath: path } = await this.#find(caller, transferId);
    return readReceiptPage({ transferId, role: 'sender', path }, { offset, limit });
  }

  async list(caller: Caller, params: Params<'send.getTransfers'>): Promise<TransferStructure[]> {
    const page = { offset: params.offset ?? 0, limit: params.limit ?? LIST_MAX };
    const records = await this.#options.store.list(caller, page);
    return records.map((record) => this.#structureOf(record));
  }

  /** Resolves when a transfer has ended and its end is durable. */
  async wait(
    caller: Caller,
    params: Params<'send.waitForTransfer'>,
    signal: AbortSignal,
  ): Promise<TransferStructure> {
    const { transferId, timeoutSeconds } = params;
    const look = async (): Promise<TransferStructure | undefined> => {
      const record = await this.#find(caller, transferId);
      // While the engine holds it, the end is not yet durable.
      if (!hasEnded(record.status) || this.#options.engine.find(transferId) !== null) {
        return undefined;
      }
      return this.#structureOf(record);
    };
    const what = `the end of transfer ${JSON.stringify(transferId)}`;
    return this.#options.changes.waitFor(transferId, look, { timeoutSeconds, signal, what });
  }

  async cancel(caller: Caller, transferId: string): Promise<TransferStructure> {
    const record = await this.#find(caller, transferId);
    const live = this.#options.engine.find(transferId);
    if (live === null || hasEnded(live.record.status)) {
      const { status } = live?.record ?? record;
      throw new CommandError(
        'conflict',
        `Cannot cancel transfer "${transferId}": it has ended with status "${status}"`,
      );
    }
    return this.#options.engine.cancel(live, caller.userName);
  }

  async remove(caller: Caller, transferId: string): Promise<null> {
    const record = await this.#find(caller, transferId);
    if (!hasEnded(record.status)) {
      throw new CommandError(
        'conflict',
        `Cannot delete transfer "${transferId}": its status is "${record.status}", expected one that has ended`,
      );
    }
    const { engine, store, events, changes } = this.#options;
    await engine.find(transferId)?.saved;
    const facts = { transferId, by: caller.userName, ...ownedBy(record) };
    await Promise.all([events.append('transferDeleted', facts), store.remove(transferId)]);
    changes.notify(transferId);
    return null;
  }

  async #find(caller: Caller, transferId: string): Promise<TransferRecord> {
    const { engine, store } = this.#options;
    const record = engine.find(transferId)?.record ?? (await store.find(transferId));
    if (record === null || !mayAccess(caller, record)) throw notFound('transfer', transferId);
    return record;
  }

  #structureOf(record: TransferRecord): TransferStructure {
    const live = this.#options.engine.find(record.id);
    if (live !== null) return live.structure();
    const snapshotTime = Math.max(this.#options.clock.nowUs(), record.endTimeUs ?? 0);
    return transferStructureOf(record, snapshotTime, null);
  }
}

/**
 * The receiver resolves the destination path below its own roots; here it only has to make sense.
 *
 * @throws {CommandError} `path_invalid`, `invalid_params`
 */
const checkPublication = (params: Params<'send.createTransfer'>): void => {
  const { components } = parseSandboxPath(params.destinationPath ?? '');
  if (params.publish !== 'whole') return;
  const refuse = (actual: string): CommandError =>
    new CommandError('invalid_params', `Cannot publish as a whole: ${actual}`, {
      details: { parameter: 'publish' },
    });
  if (components.length === 0) {
    throw refuse('there is no destination path, expected the directory that is to appear');
  }
  const mode = params.overwriteMode ?? OVERWRITE_ALWAYS;
  if (mode < OVERWRITE_NEVER) {
    throw refuse(`the overwrite mode is ${mode} (in place), expected ${OVERWRITE_NEVER} to 5`);
  }
};

const notFound = (kind: string, id: string): CommandError =>
  new CommandError('not_found', `Cannot find ${kind} ${JSON.stringify(id.slice(0, 300))}`, {
    details: { [`${kind}Id`]: id },
  });
