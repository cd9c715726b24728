/** User data of transfers: of running ones in memory first, of ended ones in the store. */
import { CommandError } from '@jetstream/contract';
import { ownershipPart } from '../sessions/caller.js';
import type { UserDataKeeper } from '../user-data/user-data-service.js';
import type { TransferEngine } from './transfer-engine.js';
import type { TransferService } from './transfer-service.js';
import type { TransferStore } from './transfer-store.js';

export interface TransferUserDataOptions {
  readonly engine: TransferEngine;
  readonly transfers: TransferService;
  readonly store: TransferStore;
}

/** The keeper for transfers. */
export const transferUserData = (options: TransferUserDataOptions): UserDataKeeper => ({
  async edit(caller, transferId, edit) {
    const { engine, transfers, store } = options;
    const record = await transfers.find(caller, transferId);
    const ownership = ownershipPart(record);
    const live = engine.find(transferId);
    if (live !== null) {
      const userData = edit(live.record.userData);
      await engine.amend(live, { userData });
      return { userData, ownership };
    }
    const userData = await store.editUserData(transferId, edit);
    if (userData !== null) return { userData, ownership };
    throw new CommandError('not_found', `Cannot find transfer ${JSON.stringify(transferId)}`, {
      details: { transferId },
    });
  },
});
