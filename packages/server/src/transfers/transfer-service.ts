/** Transfers as the API offers them: made, shown, waited for, deleted. */
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
import type { IdSource } from '../manifests/id-source.js';
import { assertComplete, type ManifestService } from '../manifests/manifest-service.js';
import type { ManifestRecord } from '../manifests/manifest-store.js';
import { readReceiptPage } from '../receipts/receipt-page.js';
import { parseSandboxPath } from '../sandboxes/sandbox-path.js';
import { type Caller, mayAccess, ownershipOf } from '../sessions/caller.js';
import type { OpenTransfers } from './open-transfers.js';
import { LIST_MAX } from './owner-filter.js';
import { RETRY_DAYS } from './retry-policy.js';
import { checkRate } from './send-rate.js';
import type { TransferEngine } from './transfer-engine.js';
import { type TransferRecord, transferStructureOf, ZERO_COUNTERS } from './transfer-record.js';
import { hasEnded } from './transfer-states.js';
import type { TransferPage, TransferStore } from './transfer-store.js';

/** Most transfers that have not ended. */
export const TRANSFERS_UNFINISHED_MAX = 100_000;

const FLAGS_ALL = TRANSFER_FLAG_READ + TRANSFER_FLAG_WRITE;

export interface TransferServiceOptions {
  readonly engine: TransferEngine;
  readonly store: TransferStore;
  readonly manifests: ManifestService;
  readonly destinations: DestinationService;
  readonly open: OpenTransfers;
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
    const destinationPath = params.destinationPath ?? '';
    checkPublication(params);
    const { manifest, isOpen } = await this.#manifest(caller, params);
    const destination = destinations.find(caller, params.destinationId);
    const minCipher = params.minCipher ?? destination.minCipher;
    destinations.checkCipher(minCipher);
    const { sendRateMax = null, rateControlMethod = null } = params;
    checkRate({ ownMax: sendRateMax, policy: rateControlMethod, destination });
    if (!manifests.isUsable(manifest.id)) throw notFound('manifest', manifest.id);
    this.checkRoom();
    const structure = await engine.add({
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
      isOpen,
      // Null is a choice here: no checkpoints.
      checkpointFrequencySeconds:
        params.checkpointFrequencySeconds === undefined
          ? DEFAULT_CHECKPOINT_SECONDS
          : params.checkpointFrequencySeconds,
      priority: params.priority ?? DEFAULT_PRIORITY,
      sendRateMax,
      rateControlMethod,
      retryDays: params.retryDays ?? RETRY_DAYS,
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
      nextRetryUs: null,
      startsAnew: false,
      path: null,
      pathReason: null,
      fileErrors: [],
      receiptPath: null,
      userData: {},
    });
    // It may have ended before the transfer was there to be told.
    if (isOpen) await this.#options.open.settle(manifest.id);
    return structure;
  }

  /** The manifest to be sent, and whether it is still being made. */
  async #manifest(
    caller: Caller,
    { manifestId, whilePending }: Params<'send.createTransfer'>,
  ): Promise<{ readonly manifest: ManifestRecord; readonly isOpen: boolean }> {
    const { manifests } = this.#options;
    const manifest = await manifests.find(caller, manifestId);
    if (manifest.status === 'pending' && whilePending === true) {
      if (await manifests.keepMaking(manifest.id)) return { manifest, isOpen: true };
    }
    // It may have ended meanwhile.
    const now = await manifests.find(caller, manifestId);
    assertComplete(now);
    return { manifest: now, isOpen: false };
  }

  async get(caller: Caller, transferId: string): Promise<TransferStructure> {
    const record = await this.find(caller, transferId);
    return this.#structureOf(record);
  }

  /** A part of the receipt of a transfer that was complete. */
  async receipt(caller: Caller, params: Params<'send.getReceipt'>): Promise<ReceiptPage> {
    const { transferId, offset, limit } = params;
    const { receiptPath: path } = await this.find(caller, transferId);
    return readReceiptPage({ transferId, role: 'sender', path }, { offset, limit });
  }

  async list(caller: Caller, params: Params<'send.getTransfers'>): Promise<TransferStructure[]> {
    const page: TransferPage = {
      offset: params.offset ?? 0,
      limit: params.limit ?? LIST_MAX,
      after: params.after ?? null,
      order: params.order ?? 'oldest',
    };
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
      const record = await this.find(caller, transferId);
      // While the engine holds it, the end is not yet durable.
      if (!hasEnded(record.status) || this.#options.engine.find(transferId) !== null) {
        return undefined;
      }
      return this.#structureOf(record);
    };
    const what = `the end of transfer ${JSON.stringify(transferId)}`;
    return this.#options.changes.waitFor(transferId, look, { timeoutSeconds, signal, what });
  }

  /** @throws {CommandError} `too_many_requests` when no further transfer can be unfinished. */
  checkRoom(): void {
    const { unfinishedCount } = this.#options.engine;
    if (unfinishedCount < TRANSFERS_UNFINISHED_MAX) return;
    throw new CommandError(
      'too_many_requests',
      `Cannot start a transfer: ${unfinishedCount} have not ended, expected fewer`,
    );
  }

  async remove(caller: Caller, transferId: string): Promise<null> {
    const record = await this.find(caller, transferId);
    if (!hasEnded(record.status)) {
      throw new CommandError(
        'conflict',
        `Cannot delete transfer "${transferId}": its status is "${record.status}", expected one that has ended`,
      );
    }
    const { engine, changes } = this.#options;
    await engine.find(transferId)?.saved;
    if (!(await engine.remove(record, caller.userName))) throw notFound('transfer', transferId);
    changes.notify(transferId);
    return null;
  }

  /**
   * A transfer that a caller may see.
   *
   * @throws {CommandError} `not_found`, also when it is there and the caller may not see it.
   */
  async find(caller: Caller, transferId: string): Promise<TransferRecord> {
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
