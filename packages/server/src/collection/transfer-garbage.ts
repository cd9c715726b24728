/** Garbage of the sending side: transfers that have ended, and manifests that nothing uses. */
import type { ManifestService } from '../manifests/manifest-service.js';
import type { ManifestRecord, ManifestStore } from '../manifests/manifest-store.js';
import type { TransferEngine } from '../transfers/transfer-engine.js';
import type { TransferRecord } from '../transfers/transfer-record.js';
import type { TransferStore } from '../transfers/transfer-store.js';
import { type CandidatePage, collectPages, type GarbageKind } from './garbage-kind.js';

export interface TransferGarbageOptions {
  readonly store: TransferStore;
  readonly engine: Pick<TransferEngine, 'find' | 'remove'>;
}

/** Transfers are ready when they have ended. */
export const transferGarbage = (options: TransferGarbageOptions): GarbageKind => {
  const { store, engine } = options;
  return {
    name: 'transfers',
    collect: (run) =>
      collectPages(
        run,
        (page: CandidatePage<TransferRecord>) => store.endedBefore(run.nowUs - run.graceUs, page),
        async (record) => {
          // Held by the engine until its end is durable.
          if (engine.find(record.id) !== null) return false;
          return run.dryRun || (await engine.remove(record, null));
        },
      ),
  };
};

export interface ManifestGarbageOptions {
  readonly store: ManifestStore;
  readonly manifests: Pick<ManifestService, 'removeUnused'>;
  /** Whether a transfer sends the manifest, or anything else needs it. */
  readonly isReferred: (manifestId: string) => Promise<boolean>;
}

/** Manifests are ready from their creation, while nothing refers to them. */
export const manifestGarbage = (options: ManifestGarbageOptions): GarbageKind => ({
  name: 'manifests',
  collect: (run) =>
    collectPages(
      run,
      (page: CandidatePage<ManifestRecord>) =>
        options.store.unusedBefore(run.nowUs - run.graceUs, { ...page, nowUs: run.nowUs }),
      async (record) =>
        run.dryRun || (await options.manifests.removeUnused(record, options.isReferred)),
    ),
});
