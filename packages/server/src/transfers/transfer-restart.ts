import type { TransferRecord } from './transfer-record.js';

/** How the record of a transfer that has ended changes when it is queued again. */
export const restartChange = (record: TransferRecord): Partial<TransferRecord> => {
  const { fileErrors, status, counters } = record;
  // Files that failed are to be sent again, and so is what the receiver was told to throw away.
  const startsAnew = fileErrors.length > 0 || status === 'cancelled';
  return {
    ...{ errorCode: null, errorMessage: '', fileErrors: [], receiptPath: null },
    ...{ failures: 0, stalledSinceUs: null, endTimeUs: null, startsAnew },
    counters: startsAnew ? { ...counters, bytesAcked: 0, bytesDurable: 0 } : counters,
  };
};
