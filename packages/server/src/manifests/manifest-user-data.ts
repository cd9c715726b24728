/** User data of manifests. */
import { CommandError } from '@jetstream/contract';
import { ownershipPart } from '../sessions/caller.js';
import type { UserDataKeeper } from '../user-data/user-data-service.js';
import type { ManifestService } from './manifest-service.js';
import type { ManifestStore } from './manifest-store.js';

export interface ManifestUserDataOptions {
  readonly manifests: Pick<ManifestService, 'find'>;
  readonly store: ManifestStore;
}

/** The keeper for manifests. */
export const manifestUserData = ({
  manifests,
  store,
}: ManifestUserDataOptions): UserDataKeeper => ({
  async edit(caller, manifestId, edit) {
    const record = await manifests.find(caller, manifestId);
    const userData = await store.editUserData(manifestId, edit);
    if (userData !== null) return { userData, ownership: ownershipPart(record) };
    throw new CommandError('not_found', `Cannot find manifest ${JSON.stringify(manifestId)}`, {
      details: { manifestId },
    });
  },
});
