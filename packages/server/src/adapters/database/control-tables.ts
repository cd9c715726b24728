/** Tables of the control plane; made by migrations 0001, 0003 and 0011. */
import type { Generated } from 'kysely';

/** Small facts about the server itself, by name. */
interface SettingTable {
  name: string;
  value: string;
}

interface UserTable {
  /** Never used again. */
  id: Generated<number>;
  name: string;
  /** Lower-case name, unique: two names that differ in case only would be one account to people. */
  nameFolded: string;
  /** argon2id in PHC format. */
  passwordHash: string;
  locked: number;
  /** Account of the operating system that it works as, where there are file agents. */
  osUser: string | null;
  /** Rises with every change, so that logins that rest on an older state end. */
  version: number;
  creationTimeUs: number;
}

interface ApiTokenTable {
  id: string;
  /** SHA-256 of the secret, hex. */
  secretHash: string;
  /** argon2id in PHC format, or null when no password is asked for. */
  passwordHash: string | null;
  description: string;
  owner: string;
  creationTimeUs: number;
  expiryTimeUs: number | null;
  permissions: number;
  path: string | null;
  /** Set when the token was deleted; kept for transfers that began with it. */
  deletedTimeUs: number | null;
}

interface RequestTable {
  id: Generated<number>;
  method: string;
  owner: string;
  ownerToken: string | null;
  ownerTokenSession: string | null;
  status: 'pending' | 'success' | 'error';
  submitTimeUs: number;
  endTimeUs: number | null;
  errorCode: string | null;
  errorMessage: string | null;
  errorDetails: string | null;
  /** The result as JSON; null while there is none and when it lies in a file. */
  resultJson: string | null;
  /** Bytes of the result file `results/<id>.json`; null when there is none. */
  resultFileBytes: number | null;
}

/** Calls with an idempotency key. */
interface IdempotentCallTable {
  /** SHA-256 of the key and whose it is, hex. */
  keyHash: string;
  owner: string;
  /** HMAC of method and parameters under the key, hex. */
  callDigest: string;
  /** Encrypted under the key; null while the call runs. */
  sealedAnswer: Buffer | null;
  creationTimeUs: number;
}

export interface ControlTables {
  settings: SettingTable;
  users: UserTable;
  apiTokens: ApiTokenTable;
  requests: RequestTable;
  idempotentCalls: IdempotentCallTable;
}
