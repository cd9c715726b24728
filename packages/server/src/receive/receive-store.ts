/** Where received transfers and authorised clients are kept. */
import type { CandidatePage } from '../collection/garbage-kind.js';
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

/** A part of a list. */
export interface ReceivePage {
  readonly limit: number;
  /** Id of the last one of the page before; null for the first page. */
  readonly after: string | null;
  readonly order: 'oldest' | 'newest';
}

/** Persistence of received transfers; writes resolve when they are durable, in order. */
export interface ReceiveStore {
  insert(record: ReceiveRecord): Promise<void>;
  update(record: ReceiveRecord): Promise<void>;
  find(id: string): Promise<ReceiveRecord | null>;
  /** Those that have not ended, whoever owns them. */
  unfinished(): Promise<ReceiveRecord[]>;
  /** Those that the caller may see, after one id in the order that is asked for. */
  list(caller: Caller, page: ReceivePage): Promise<ReceiveRecord[]>;
  /** The same, counted by sender. */
  sources(caller: Caller): Promise<SourceCounts[]>;
  /** Some of those that ended at a time or before, earliest first, after one of them. */
  endedBefore(timeUs: number, page: CandidatePage<ReceiveRecord>): Promise<ReceiveRecord[]>;
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
