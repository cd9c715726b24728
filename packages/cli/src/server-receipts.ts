/** Reading receipts; the server's code is loaded only by the commands that need it. */

export type {
  ExportFormat,
  ReceiptFile,
  ReceiptHead,
  ReceiptReport,
} from '@jetstream/server/offline';

type Receipts = Pick<
  typeof import('@jetstream/server/offline'),
  'exportReceipt' | 'ReceiptReader' | 'verifyReceipt'
>;

/** Everything that the command does with a receipt file. */
export const loadReceipts = async (): Promise<Receipts> => {
  const { exportReceipt, ReceiptReader, verifyReceipt } = await import('@jetstream/server/offline');
  return { exportReceipt, ReceiptReader, verifyReceipt };
};
