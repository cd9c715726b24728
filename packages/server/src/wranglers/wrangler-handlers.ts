/** Methods about wranglers. */
import { callerOf, type Handlers } from '../control/handler.js';
import type { WranglerService } from './wrangler-service.js';
import type { WranglerKind } from './wrangler-store.js';

export type WranglerMethod = 'addWranglerAsync' | 'deleteWrangler' | 'getWranglers';

const kindOf = (isGroup: boolean | null | undefined): WranglerKind =>
  isGroup === true ? 'group' : 'user';

/** Handlers over the wrangler service. */
export const wranglerHandlers = (wranglers: WranglerService): Handlers<WranglerMethod> => ({
  addWranglerAsync: async ({ name, isGroup }, call) => {
    await wranglers.add(callerOf(call), kindOf(isGroup), name);
    return null;
  },
  deleteWrangler: async ({ identifier, isGroup }, call) => {
    await wranglers.remove(callerOf(call), kindOf(isGroup), String(identifier));
    return null;
  },
  getWranglers: () => wranglers.list(),
});
