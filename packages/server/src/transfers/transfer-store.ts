/** Where transfers are kept. */
import type { CandidatePage } from '../collection/garbage-kind.js';
import type { UserData } from '../manifests/manifest-store.js';
import type { Caller } from '../sessions/caller.js';
import type { TransferRecord } from './transfer-record.js';

/** A part of a list. */
export interface TransferPage {
  readonly offset: number;
  readonly limit: number;
  /** Id of the last one of the page before; null for the first page. */
  readonly after: string | null;
  readonly order: 'oldest' | 'newest';
}

/** Persistence of transfers; writes resolve when they are durable, in the order of the calls. */
export interface TransferStore {
  insert(record: TransferRecord): Promise<void>;
  update(record: TransferRecord): Promise<void>;
  remove(id: string): Promise<void>;
  find(id: string): Promise<TransferRecord | null>;
  /** Removes all of them. */
  clear(): Promise<void>;
  /** Changes the user data of one that is not running. @returns What it became, null for none. */
  editUserData(id: string, edit: (userData: UserData) => UserData): Promise<UserData | null>;
  /** Those that the caller may see. */
  list(caller: Caller, page: TransferPage): Promise<TransferRecord[]>;
  /** Some of those that ended at a time or before, earliest first, after one of them. */
  endedBefore(timeUs: number, page: CandidatePage<TransferRecord>): Promise<TransferRecord[]>;
  /**
   * Whether a transfer that has not been deleted sends this manifest, those included whose insertion
   * was asked for before this call.
   */
  sendsManifest(manifestId: string): Promise<boolean>;
  /** Those that have not ended, oldest first, whoever owns them. */
  unfinished(): Promise<TransferRecord[]>;
}
