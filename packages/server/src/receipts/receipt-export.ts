/** What each form of an exported receipt implements. */
import type { Digests } from './delivered-tree.js';
import type { ReceiptFile, ReceiptHead } from './receipt-format.js';

/** One form; the calls come in this order. */
export interface ReceiptExport {
  /** Hashes of node:crypto that it needs of each file; null when the receipt itself will do. */
  readonly hashes: readonly string[] | null;
  begin(head: ReceiptHead): void;
  file(file: ReceiptFile, digests: Digests): void;
  /** After the receipt was found to be right. */
  end(): void;
  /** In place of `end` when something is wrong. */
  abandon?(): void;
}
