/** Tables of shared tokens; made by migration 0007. */

interface SharedTokenTable {
  id: string;
  /** SHA-256 of the secret, hex. */
  secretHash: string;
  /** argon2id in PHC format, or null when no password is asked for. */
  passwordHash: string | null;
  description: string;
  manifestId: string;
  creationTimeUs: number;
  expiryTimeUs: number | null;
  downloadCount: number;
  downloadLimit: number | null;
  owner: string;
  ownerToken: string | null;
  ownerTokenSession: string | null;
  /** JSON. */
  userData: string;
}

/** Downloads by a browser that have been counted; what belongs to one is not counted again. */
interface RedemptionTable {
  linkId: string;
  /** SHA-256 of what the client's cookie holds, hex. */
  keyHash: string;
  address: string;
  untilUs: number;
}

export interface LinkTables {
  sharedTokens: SharedTokenTable;
  redemptions: RedemptionTable;
}
