/**
 * Receipts in the forms of others. A form with a hash that the receipt does not hold is made by
 * reading the files, and then each file is compared with the receipt in the same pass: what is
 * exported is what was delivered.
 */
import { CommandError } from '@jetstream/contract';
import { DeliveredTree } from './delivered-tree.js';
import { ascMhlExport } from './export-ascmhl.js';
import { bagItExport } from './export-bagit.js';
import { sumsExport } from './export-sums.js';
import { ReceiptReader } from './read-receipt.js';
import type { ReceiptExport } from './receipt-export.js';

export const EXPORT_FORMATS = ['b3sum', 'sha256sum', 'bagit', 'ascmhl'] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

export interface ExportOptions {
  readonly format: ExportFormat;
  readonly tree: string | null;
  /** Takes the text of forms that are one file. */
  write(bytes: Uint8Array): void;
  readonly hostName: string;
  readonly now: Date;
}

const formatOf = (options: ExportOptions): ReceiptExport => {
  const { format, tree } = options;
  switch (format) {
    case 'b3sum':
    case 'sha256sum':
      return sumsExport(format, options.write);
    case 'bagit':
      return bagItExport(tree ?? '', options.now);
    case 'ascmhl':
      return ascMhlExport(options);
  }
};

/**
 * Exports the delivered files of a receipt.
 *
 * @returns How many files were exported.
 * @throws {CommandError} `invalid_params` when the form needs a tree and there is none or the receipt
 * is not right, `content_mismatch` when a file is not what the receipt says.
 */
export const exportReceipt = async (file: string, options: ExportOptions): Promise<number> => {
  const form = formatOf(options);
  const { hashes } = form;
  if (hashes !== null && options.tree === null) {
    throw new CommandError(
      'invalid_params',
      `Cannot export as ${options.format}: the receipt holds BLAKE3 only, expected --tree with the files to read`,
    );
  }
  // Checked as a whole first: an export of a forged receipt must not even begin.
  const { head, problems } = await new ReceiptReader(file).read();
  if (problems[0] !== undefined) {
    throw new CommandError('invalid_params', `Cannot export the receipt: ${problems[0]}`);
  }
  const tree = hashes === null ? null : new DeliveredTree(options.tree ?? '');
  let files = 0;
  try {
    form.begin(head);
    await new ReceiptReader(file).read(async (line) => {
      if (line.error !== undefined) return;
      const held = line.blake3 === undefined ? {} : { blake3: line.blake3 };
      const digests = tree === null ? held : await tree.verify(line, hashes ?? []);
      if (line.kind === 'file') files += 1;
      form.file(line, digests);
    });
    form.end();
  } catch (error) {
    form.abandon?.();
    throw error;
  } finally {
    tree?.close();
  }
  return files;
};
