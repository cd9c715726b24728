/** Garbage of the control plane, which also goes by itself: requests and tokens. */
import type { RequestService } from '../requests/request-service.js';
import type { TokenService } from '../tokens/token-service.js';
import type { GarbageKind } from './garbage-kind.js';

/**
 * Requests whose result is no longer kept. How long results are kept is promised to clients, so
 * neither the grace period nor `force` changes it.
 */
export const requestGarbage = (requests: Pick<RequestService, 'purge'>): GarbageKind => ({
  name: 'requests',
  collect: ({ dryRun }) => requests.purge({ dryRun }),
});

/** Tokens that have expired: an hour ago, with `force` at any time. */
export const tokenGarbage = (tokens: Pick<TokenService, 'purge'>): GarbageKind => ({
  name: 'tokens',
  collect: ({ force, dryRun }) => tokens.purge({ force, dryRun }),
});
