/** Where shared tokens are kept. Writes resolve when they are durable. */
import type { SharedTokenStructure } from '@jetstream/contract';
import type { Page } from '../manifests/manifest-store.js';
import type { Caller, Ownership } from '../sessions/caller.js';

/** A shared token as it is stored. */
export interface StoredLink extends Ownership {
  readonly id: string;
  readonly secretHash: string;
  readonly passwordHash: string | null;
  readonly description: string;
  readonly manifestId: string;
  readonly creationTimeUs: number;
  /** Null for never. */
  readonly expiryTimeUs: number | null;
  readonly downloadCount: number;
  /** Null for no limit. */
  readonly downloadLimit: number | null;
  readonly userData: SharedTokenStructure['userData'];
}

/** What may change about a shared token. */
export type LinkChange = Partial<
  Pick<StoredLink, 'expiryTimeUs' | 'passwordHash' | 'downloadLimit' | 'description' | 'userData'>
>;

/** A download by a client without an account. */
export interface Redemption {
  readonly linkId: string;
  /** Hash of what names the redemption at the client; a new one for a client without cookies. */
  readonly keyHash: string;
  readonly address: string;
  readonly nowUs: number;
  /** Until when it goes on without being counted again. */
  readonly untilUs: number;
  /** What of it is taken up: goes on with a download, or begins one. */
  readonly takes: 'rest' | 'whole';
  /** Whether the client has received the same thing in full within this redemption. */
  readonly hadAll: boolean;
}

/** How a redemption ended: `known` goes on with one that was counted. */
export type RedemptionOutcome = 'counted' | 'known' | 'refused';

export interface LinkStore {
  insert(link: StoredLink): Promise<void>;
  find(id: string): Promise<StoredLink | null>;
  /** Those that the caller may see, oldest first. */
  list(caller: Caller, page: Page): Promise<StoredLink[]>;
  countOf(owner: string): Promise<number>;
  /** @returns The link as it is now; null when there is none. */
  update(id: string, change: LinkChange): Promise<StoredLink | null>;
  /** @returns False when there is none. */
  remove(id: string): Promise<boolean>;
  /** Whether a link that has not expired refers to a manifest. */
  refersTo(manifestId: string, nowUs: number): Promise<boolean>;
  /** Removes links that expired before a moment and returns them. */
  removeExpired(beforeUs: number): Promise<StoredLink[]>;
  countExpired(beforeUs: number): Promise<number>;
  /** Counts one download in one step with the check of limit and expiry; false when refused. */
  count(id: string, nowUs: number): Promise<boolean>;
  /** Takes back one that came to nothing. */
  uncount(id: string): Promise<void>;
  /** Counts a download by a client without an account, unless it goes on with one. */
  redeem(redemption: Redemption): Promise<RedemptionOutcome>;
  /** Whether a redemption that was counted goes on. */
  isRedeeming(linkId: string, keyHash: string, nowUs: number): Promise<boolean>;
  /** Forgets redemptions that are over. */
  forgetRedemptions(nowUs: number): Promise<void>;
  /** Transfers made with a link that have not ended. */
  unfinishedTransfers(linkId: string): Promise<number>;
  /** Whether a session of a link has made a transfer. */
  hasTransfers(linkId: string, session: string): Promise<boolean>;
}
