/** Where transfers are kept. */
import type { Page } from '../manifests/manifest-store.js';
import type { Caller } from '../sessions/caller.js';
import type { TransferRecord } from './transfer-record.js';

/** Persistence of transfers; writes resolve when they are durable, in the order of the calls. */
export interface TransferStore {
  insert(record: TransferRecord): Promise<void>;
  update(record: TransferRecord): Promise<void>;
  remove(id: string): Promise<void>;
  find(id: string): Promise<TransferRecord | null>;
  /** Those that the caller may see, oldest first. */
  list(caller: Caller, page: Page): Promise<TransferRecord[]>;
  /** Some of those that ended at a time or before, by rising id, after one id. */
  endedBefore(timeUs: number, page: { afterId: string; limit: number }): Promise<TransferRecord[]>;
  /**
   * Whether a transfer that has not been deleted sends this manifest, those included whose insertion
   * was asked for before this call.
   */
  sendsManifest(manifestId: string): Promise<boolean>;
  /** Those that have not ended, oldest first, whoever owns them. */
  unfinished(): Promise<TransferRecord[]>;
}
