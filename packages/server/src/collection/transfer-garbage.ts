/** Garbage of the sending side: transfers that have ended, and manifests that nothing uses. */
import { ownedBy } from '../events/event-fields.js';
import type { EventLog } from '../events/event-log.js';
import type { ManifestService } from '../manifests/manifest-service.js';
import type { ManifestStore } from '../manifests/manifest-store.js';
import type { TransferEngine } from '../transfers/transfer-engine.js';
import type { TransferStore } from '../transfers/transfer-store.js';
import { collectPages, type GarbageKind } from './garbage-kind.js';

export interface TransferGarbageOptions {
  readonly store: TransferStore;
  readonly engine: Pick<TransferEngine, 'find'>;
  readonly events: EventLog;
}

/** Transfers are ready when they have ended. */
export const transferGarbage = (options: TransferGarbageOptions): GarbageKind => {
  const { store, engine, events } = options;
  return {
    name: 'transfers',
    collect: (run) =>
      collectPages(
        run,
        (page) => store.endedBefore(run.nowUs - run.graceUs, page),
        async (record) => {
          // Held by the engine until its end is durable.
          if (engine.find(record.id) !== null) return false;
          if (run.dryRun) return true;
          await Promise.all([
            events.append('transferDeleted', {
              transferId: record.id,
              by: null,
              ...ownedBy(record),
            }),
            store.remove(record.id),
          ]);
          return true;
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
      (page) => options.store.unusedBefore(run.nowUs - run.graceUs, { ...page, nowUs: run.nowUs }),
      async (record) =>
        run.dryRun || (await options.manifests.removeUnused(record, options.isReferred)),
    ),
});
