/**
 * Manifests: made in the background, listed, waited for, deleted. A manifest is a row in the store
 * and a file list on disk; the list is complete and durable before the row says so.
 */
import { join } from 'node:path';
import {
  CommandError,
  type ManifestFilesStructure,
  type ManifestStructure,
  type Params,
  SYMLINK_FOLLOW,
} from '@jetstream/contract';
import type { Clock } from '../adapters/clock/clock.js';
import type { Logger } from '../adapters/log/logger.js';
import { ChangeSignal } from '../events/change-signal.js';
import { ownedBy } from '../events/event-fields.js';
import type { EventLog } from '../events/event-log.js';
import { type Caller, isSharedWith, mayAccess, ownershipOf } from '../sessions/caller.js';
import { LIST_MAX } from '../transfers/owner-filter.js';
import type { IdSource } from './id-source.js';
import { readManifestFiles } from './manifest-files.js';
import type { ManifestRecord, ManifestStore } from './manifest-store.js';
import { parseMappings } from './mappings.js';
import { checkPatterns } from './path-filter.js';
import type { ScanRequest, ScanTotals } from './scan.js';
import {
  dropList,
  dropScanOrder,
  dropUnfinishedList,
  keepScanOrder,
  readScanOrder,
} from './scan-orders.js';
import type { ManifestScanner } from './scan-runner.js';

/** Most manifests that are made at the same time. */
export const MANIFESTS_PENDING_MAX = 1000;

export interface ManifestServiceOptions {
  readonly store: ManifestStore;
  readonly scanner: ManifestScanner;
  readonly events: EventLog;
  readonly clock: Clock;
  readonly log: Logger;
  readonly nextId: IdSource;
  /** Directory of the file lists; it exists. */
  readonly listsDir: string;
  /** Whether an unfinished transfer sends this manifest. */
  readonly isInUse: (manifestId: string) => boolean;
  /** Whether a shared token refers to it. */
  readonly isShared: (manifestId: string) => Promise<boolean>;
  /** A manifest is no longer being made, and that is durable. */
  readonly onEnded?: (manifestId: string) => void;
}

/** A manifest that is being made. */
interface Making {
  readonly request: ScanRequest;
  readonly controller: AbortController;
  /** Set once the scan is kept over restarts: all who ask for that wait for one write. */
  kept: Promise<void> | null;
}

const structureOf = (record: ManifestRecord): ManifestStructure => ({
  manifestId: record.id,
  status: record.status,
  processing: record.status === 'pending',
  errorMessage: record.errorMessage,
  totalFiles: record.totalFiles,
  totalSize: record.totalSize,
  owner: record.owner,
  ownerToken: record.ownerToken,
  ownerTokenSession: record.ownerTokenSession,
  userData: record.userData,
});

const restarted = (): CommandError =>
  new CommandError(
    'cancelled',
    'Cannot make the manifest: the server was restarted; create it again',
  );

const damaged = (): CommandError =>
  new CommandError(
    'io_error',
    'Cannot make the manifest: the server was restarted, and what it had kept of the scan is damaged; create it again',
  );

/** @see the head of this file */
export class ManifestService {
  readonly #options: ManifestServiceOptions;
  readonly #changes: ChangeSignal;
  readonly #pending = new Map<string, Making>();
  readonly #deleting = new Set<string>();
  #stopped = false;

  constructor(options: ManifestServiceOptions) {
    this.#options = options;
    this.#changes = new ChangeSignal(options.clock);
  }

  /**
   * Goes on with manifests that are being sent already, and tells the truth about others that an
   * earlier run of the server left unfinished.
   */
  async start(): Promise<void> {
    const { store, log } = this.#options;
    for (const record of await store.pending()) {
      const listPath = this.listPath(record.id);
      const kept = await readScanOrder(listPath);
      if (kept !== null && 'request' in kept) {
        void this.#make(record, this.#reserve(record, kept.request), true);
        continue;
      }
      if (kept !== null) {
        const { file, cause: err } = kept;
        log.error({ manifestId: record.id, file, err }, 'cannot read a kept scan: set aside');
      }
      await dropUnfinishedList(listPath);
      await this.#fail(record, kept === null ? restarted() : damaged());
    }
  }

  /** Stops what is being made; those manifests end with an error at the next start. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#options.scanner.stop();
  }

  async create(caller: Caller, params: Params<'send.createManifest'>): Promise<ManifestStructure> {
    const symlinks = params.symlinks ?? SYMLINK_FOLLOW;
    const patterns = { include: params.include ?? [], exclude: params.exclude ?? [] };
    checkPatterns(patterns);
    const mappings = parseMappings(params, caller.roots);
    if (this.#pending.size >= MANIFESTS_PENDING_MAX) {
      throw new CommandError(
        'too_many_requests',
        `Cannot create a manifest: ${this.#pending.size} are being made, expected fewer`,
      );
    }
    const { store, events, clock, nextId } = this.#options;
    const record: ManifestRecord = {
      ...ownershipOf(caller),
      id: nextId(),
      status: 'pending',
      errorCode: null,
      errorMessage: '',
      totalFiles: null,
      totalSize: null,
      creationTimeUs: clock.nowUs(),
      userData: {},
    };
    const making = this.#reserve(record, { mappings, symlinks, patterns });
    try {
      await Promise.all([
        events.append('manifestCreated', { manifestId: record.id, ...ownedBy(record) }),
        store.insert(record),
      ]);
    } catch (error) {
      this.#pending.delete(record.id);
      throw error;
    }
    void this.#make(record, making);
    return structureOf(record);
  }

  async get(caller: Caller, manifestId: string): Promise<ManifestStructure> {
    return structureOf(await this.find(caller, manifestId));
  }

  async list(caller: Caller, params: Params<'send.getManifests'>): Promise<ManifestStructure[]> {
    const page = { offset: params.offset ?? 0, limit: params.limit ?? LIST_MAX };
    return (await this.#options.store.list(caller, page)).map(structureOf);
  }

  /** Resolves when a manifest is complete or has failed. */
  async wait(
    caller: Caller,
    params: Params<'send.waitForManifest'>,
    signal: AbortSignal,
  ): Promise<ManifestStructure> {
    const { manifestId, timeoutSeconds } = params;
    const what = `manifest ${JSON.stringify(manifestId)}`;
    const look = async (): Promise<ManifestStructure | undefined> => {
      const structure = await this.get(caller, manifestId);
      return structure.processing ? undefined : structure;
    };
    return this.#changes.waitFor(manifestId, look, { timeoutSeconds, signal, what });
  }

  async files(
    caller: Caller,
    params: Params<'send.getManifestFiles'>,
  ): Promise<ManifestFilesStructure> {
    const record = await this.find(caller, params.manifestId);
    assertComplete(record);
    const page = { offset: params.offset ?? 0, limit: params.limit ?? null };
    return readManifestFiles({
      manifestId: record.id,
      listPath: this.listPath(record.id),
      roots: caller.roots,
      // Whoever has a link need not learn where the files lie.
      hidesSources: isSharedWith(caller, record.id),
      page,
    });
  }

  async remove(caller: Caller, manifestId: string): Promise<null> {
    const record = await this.find(caller, manifestId);
    if (this.#options.isInUse(record.id)) {
      throw new CommandError(
        'conflict',
        `Cannot delete manifest "${record.id}": a transfer that has not ended uses it`,
      );
    }
    this.#deleting.add(record.id);
    try {
      // Asked when no new shared token can take the manifest any more.
      if (await this.#options.isShared(record.id)) {
        throw new CommandError(
          'conflict',
          `Cannot delete manifest "${record.id}": a shared token refers to it`,
        );
      }
      this.#pending.get(record.id)?.controller.abort();
      await this.#forget(record, caller.userName);
    } finally {
      this.#deleting.delete(record.id);
    }
    this.#changes.notify(record.id);
    return null;
  }

  /**
   * Removes a manifest that nobody has asked for, if nothing refers to it.
   *
   * @param isReferred Asked when no new transfer can take the manifest any more.
   * @returns Whether it is gone.
   */
  async removeUnused(
    record: ManifestRecord,
    isReferred: (manifestId: string) => Promise<boolean>,
  ): Promise<boolean> {
    if (this.#pending.has(record.id) || this.#deleting.has(record.id)) return false;
    this.#deleting.add(record.id);
    try {
      if (await isReferred(record.id)) return false;
      await this.#forget(record, null);
    } finally {
      this.#deleting.delete(record.id);
    }
    this.#changes.notify(record.id);
    return true;
  }

  /**
   * A manifest that a caller may see: its own, or the one of its shared token.
   *
   * @throws {CommandError} `not_found`, also when it is there and the caller may not see it.
   */
  async find(caller: Caller, manifestId: string): Promise<ManifestRecord> {
    const record = await this.#options.store.find(manifestId);
    const isOpen =
      record !== null && (mayAccess(caller, record) || isSharedWith(caller, record.id));
    if (isOpen && !this.#deleting.has(manifestId)) return record;
    const shown = JSON.stringify(manifestId.slice(0, 100));
    throw new CommandError('not_found', `Cannot find manifest ${shown}`, {
      details: { manifestId },
    });
  }

  /** Whether a manifest that was found a moment ago is still there to be used. */
  isUsable(manifestId: string): boolean {
    return !this.#deleting.has(manifestId);
  }

  /**
   * Has a manifest that is being made survive a restart, because its list is sent already.
   *
   * @returns False when it is not being made any more.
   */
  async keepMaking(manifestId: string): Promise<boolean> {
    const making = this.#pending.get(manifestId);
    if (making === undefined) return false;
    making.kept ??= keepScanOrder(this.listPath(manifestId), making.request);
    try {
      await making.kept;
    } catch (error) {
      making.kept = null;
      throw error;
    }
    if (this.#pending.get(manifestId) === making) return true;
    await dropScanOrder(this.listPath(manifestId));
    return false;
  }

  /** Where the file list of a manifest lies. */
  listPath(manifestId: string): string {
    return join(this.#options.listsDir, `${manifestId}.list`);
  }

  async #forget(record: ManifestRecord, by: string | null): Promise<void> {
    const { store, events } = this.#options;
    const making = this.#pending.get(record.id);
    await Promise.all([
      events.append('manifestDeleted', { manifestId: record.id, by, ...ownedBy(record) }),
      store.remove(record.id),
    ]);
    // While it is being made, the end of that removes what is there.
    if (this.#pending.has(record.id)) return;
    await making?.kept?.catch(() => {});
    await this.#dropList(record.id);
  }

  async #dropList(manifestId: string): Promise<void> {
    await dropList(this.listPath(manifestId)).catch((err: unknown) => {
      this.#options.log.warn({ manifestId, err }, 'cannot remove a file list');
    });
  }

  #reserve(record: ManifestRecord, request: ScanRequest): Making {
    const making: Making = { request, controller: new AbortController(), kept: null };
    this.#pending.set(record.id, making);
    return making;
  }

  async #make(record: ManifestRecord, making: Making, resumes = false): Promise<void> {
    const { scanner, log, onEnded } = this.#options;
    const { request, controller } = making;
    const { signal } = controller;
    const order = { manifestId: record.id, listPath: this.listPath(record.id), request, resumes };
    try {
      const totals = await scanner.scan(order, signal);
      await this.#finish(record, totals);
    } catch (error) {
      // After a stop the row stays pending, and the next start tells why there is no manifest.
      if (!signal.aborted && !this.#stopped) await this.#fail(record, error);
    } finally {
      this.#pending.delete(record.id);
      await making.kept?.catch(() => {});
      if (!this.#stopped) await dropScanOrder(order.listPath).catch(() => {});
      onEnded?.(record.id);
      this.#changes.notify(record.id);
      if (signal.aborted) await this.#dropList(record.id);
      log.debug({ manifestId: record.id }, 'manifest is no longer processed');
    }
  }

  async #finish(record: ManifestRecord, totals: ScanTotals): Promise<void> {
    const { store, events, log } = this.#options;
    const { totalFiles, totalBytes: totalSize, skippedCount, notes } = totals;
    const manifestId = record.id;
    const skipped = notes.map(({ path, reason }) => ({ path, reason }));
    await Promise.all([
      events.append('manifestComplete', {
        manifestId,
        totalFiles,
        totalSize,
        skippedCount,
        skipped,
        ...ownedBy(record),
      }),
      store.update({ ...record, status: 'complete', totalFiles, totalSize }),
    ]);
    if (skippedCount > 0)
      log.warn({ manifestId, skippedCount, skipped }, 'manifest leaves files out');
  }

  async #fail(record: ManifestRecord, error: unknown): Promise<void> {
    const { store, events, log } = this.#options;
    const known = error instanceof CommandError;
    const errorCode = known ? error.code : 'internal';
    const errorMessage = known ? error.message : 'Cannot make the manifest: unexpected failure';
    if (errorCode === 'internal') log.error({ manifestId: record.id, err: error }, 'scan failed');
    const manifestId = record.id;
    await Promise.all([
      events.append('manifestFailed', { manifestId, errorCode, errorMessage, ...ownedBy(record) }),
      store.update({ ...record, status: 'error', errorCode, errorMessage }),
    ]).catch((cause: unknown) => log.error({ manifestId, err: cause }, 'cannot save a manifest'));
  }
}

/**
 * Requires that a manifest can be used.
 *
 * @throws {CommandError} `manifest_not_ready`
 */
export const assertComplete = (record: ManifestRecord): void => {
  if (record.status === 'complete') return;
  const actual =
    record.status === 'pending'
      ? 'it is still being made'
      : `it has failed (${record.errorMessage})`;
  throw new CommandError('manifest_not_ready', `Cannot use manifest "${record.id}": ${actual}`, {
    details: { manifestId: record.id, status: record.status },
  });
};
