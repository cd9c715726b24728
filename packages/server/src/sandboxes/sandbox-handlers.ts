/** Methods about sandbox mappings. */
import { callerOf, type Handlers } from '../control/handler.js';
import type { SandboxService } from './sandbox-service.js';

export type SandboxMethod = 'setSandboxMapping' | 'getSandboxMappings' | 'deleteSandboxMapping';

/** Handlers over the sandbox service. */
export const sandboxHandlers = (sandboxes: SandboxService): Handlers<SandboxMethod> => ({
  setSandboxMapping: async (params, call) => {
    await sandboxes.set(callerOf(call), params);
    return null;
  },
  getSandboxMappings: () => sandboxes.list(),
  deleteSandboxMapping: async ({ userName }, call) => {
    await sandboxes.remove(callerOf(call), userName);
    return null;
  },
});
