/** Messages between a file thread and its hash threads. */
import type { BatchHashes, HashBatch } from './file-hash.js';

export interface HashCommand {
  readonly batch: HashBatch;
  /** One 32-bit number that becomes 1 when nobody wants the result any more. */
  readonly cancelled: SharedArrayBuffer;
}

export type HashReply =
  | { readonly kind: 'progress'; readonly hashedBytes: number }
  | { readonly kind: 'done'; readonly hashedBytes: number; readonly results: BatchHashes }
  | { readonly kind: 'stopped' }
  | { readonly kind: 'failed'; readonly message: string };
