/** Garbage of shared tokens, which also goes by itself. */
import type { LinkService } from '../links/link-service.js';
import type { GarbageKind } from './garbage-kind.js';

/** Shared tokens that have expired: an hour ago, with `force` at any time. */
export const linkGarbage = (links: Pick<LinkService, 'purge'>): GarbageKind => ({
  name: 'sharedTokens',
  collect: ({ force, dryRun }) => links.purge({ force, dryRun }),
});
