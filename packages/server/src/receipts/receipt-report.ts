/** Whether a receipt is right, and whether the files are still what it says. */
import { CommandError } from '@jetstream/contract';
import { DeliveredTree } from './delivered-tree.js';
import { type ReceiptCheck, ReceiptReader } from './read-receipt.js';
import type { ReceiptFile } from './receipt-format.js';

/** Files that are named one by one. */
export const DIFFERENCES_NAMED_MAX = 100;

export interface VerifyReceiptOptions {
  /** Base64 of the Ed25519 key that must have signed; any is taken when null. */
  readonly publicKey?: string | null;
  /** Directory to compare with; null compares nothing. */
  readonly tree?: string | null;
  /** Called now and then. */
  progress?(files: number): void;
}

export interface ReceiptReport extends ReceiptCheck {
  /** Files compared with the disk. */
  readonly compared: number;
  readonly differenceCount: number;
  /** The first of them. */
  readonly differences: readonly { readonly path: string; readonly message: string }[];
}

const PROGRESS_FILES = 1000;

/**
 * Verifies a receipt.
 *
 * @throws {CommandError} `not_found` or `invalid_params` if it cannot be read at all.
 */
export const verifyReceipt = async (
  file: string,
  options: VerifyReceiptOptions = {},
): Promise<ReceiptReport> => {
  const tree = options.tree == null ? null : new DeliveredTree(options.tree);
  const differences: { path: string; message: string }[] = [];
  let compared = 0;
  let differenceCount = 0;
  const compare = async (line: ReceiptFile): Promise<void> => {
    if (tree === null || line.error !== undefined) return;
    compared += 1;
    if (compared % PROGRESS_FILES === 0) options.progress?.(compared);
    try {
      await tree.verify(line);
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      differenceCount += 1;
      if (differences.length >= DIFFERENCES_NAMED_MAX) return;
      differences.push({ path: line.path, message: error.message });
    }
  };
  try {
    const check = await new ReceiptReader(file).read(compare);
    const wanted = options.publicKey ?? check.seal.publicKey;
    const problems =
      wanted === check.seal.publicKey
        ? check.problems
        : [...check.problems, `it is signed by ${check.seal.publicKey}, expected ${wanted}`];
    return { ...check, problems, compared, differenceCount, differences };
  } finally {
    tree?.close();
  }
};
