/** Methods about requests. */
import type { Result } from '@jetstream/contract';
import { callerOf, type Handlers } from '../control/handler.js';
import type { RequestService } from './request-service.js';

export type RequestMethod = 'getRequestStatus' | 'getRequestResult' | 'cancelRequest';

/** Handlers over the request service. */
export const requestHandlers = (requests: RequestService): Handlers<RequestMethod> => ({
  getRequestStatus: ({ requestId }, call) => requests.status(callerOf(call), requestId),

  getRequestResult: async ({ requestId, timeoutSeconds }, call) => {
    const timeoutMs = timeoutSeconds == null ? null : timeoutSeconds * 1000;
    const { signal } = call;
    const result = await requests.result(callerOf(call), requestId, { timeoutMs, signal });
    // The dispatcher passes stored JSON on as it is.
    return result as unknown as Result<'getRequestResult'>;
  },

  cancelRequest: async ({ requestId }, call) => {
    await requests.cancel(callerOf(call), requestId);
    return null;
  },
});
