/** Where received transfers and authorised clients are kept. */
import type { Caller } from '../sessions/caller.js';
import type { ReceiveRecord } from './receive-record.js';

/** Finished and unfinished transfers of one sender that a caller may see. */
export interface SourceCounts {
  readonly peerKey: string;
  readonly receiving: number;
  readonly complete: number;
  readonly error: number;
  /** The latest of them. */
  readonly latest: ReceiveRecord;
}

/** Persistence of received transfers; writes resolve when they are durable, in order. */
export interface ReceiveStore {
  insert(record: ReceiveRecord): Promise<void>;
  update(record: ReceiveRecord): Promise<void>;
  find(id: string): Promise<ReceiveRecord | null>;
  /** Those that have not ended, whoever owns them. */
  unfinished(): Promise<ReceiveRecord[]>;
  /** Those that the caller may see, by rising id, after one id. */
  listAfter(caller: Caller, afterId: string, limit: number): Promise<ReceiveRecord[]>;
  /** The same, counted by sender. */
  sources(caller: Caller): Promise<SourceCounts[]>;
  /** Some of those that ended at a time or before, by rising id, after one id. */
  endedBefore(timeUs: number, page: { afterId: string; limit: number }): Promise<ReceiveRecord[]>;
  remove(id: string): Promise<void>;
}

/** A sending server that may store files as the account that runs this one. */
export interface AuthorizedClient {
  readonly publicKey: string;
  readonly addedBy: string;
  readonly addedTimeUs: number;
}

/** Persistence of the authorised clients. */
export interface AuthorizedClientStore {
  all(): Promise<AuthorizedClient[]>;
  add(client: AuthorizedClient): Promise<void>;
  remove(publicKey: string): Promise<void>;
}
