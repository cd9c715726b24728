/** Methods about API tokens. */
import { callerOf, type Handlers } from '../control/handler.js';
import type { TokenService } from './token-service.js';

export type TokenMethod =
  | 'createAPIToken'
  | 'getAPIToken'
  | 'getAPITokens'
  | 'updateAPIToken'
  | 'deleteAPIToken';

/** Handlers over the token service. */
export const tokenHandlers = (tokens: TokenService): Handlers<TokenMethod> => ({
  createAPIToken: (params, call) => tokens.create(callerOf(call), params),
  getAPIToken: ({ token }, call) => tokens.get(callerOf(call), token),
  getAPITokens: ({ limit }, call) => tokens.list(callerOf(call), limit ?? null),
  updateAPIToken: async (params, call) => {
    await tokens.update(callerOf(call), params);
    return null;
  },
  deleteAPIToken: async ({ token }, call) => {
    await tokens.remove(callerOf(call), token);
    return null;
  },
});
