/**
 * What the end of an attempt means for the transfer.
 *
 * A transfer whose flow went to its end but some of whose files failed ends with status `error`,
 * the code of the first such file and a message that counts them: all other files are delivered,
 * and nobody overlooks the rest.
 */
import type { SendOutcome } from '../data/data-plane.js';
import { mayRetry } from './retry-policy.js';
import type { TransferRecord } from './transfer-record.js';

/** Failed files that a transfer describes one by one. */
export const FILE_ERRORS_SHOWN_MAX = 100;

/** How the record changes; `retry` when another attempt is due after a pause. */
export interface OutcomeChange {
  readonly next: 'complete' | 'error' | 'retry';
  readonly change: Partial<TransferRecord>;
}

/** What {@link outcomeChange} is told beside the record. */
export interface AttemptFacts {
  readonly outcome: SendOutcome;
  readonly nowUs: number;
  /** Durable bytes when the attempt began. */
  readonly durableBefore: number;
}

/** Decides how a transfer goes on after an attempt. */
export const outcomeChange = (record: TransferRecord, facts: AttemptFacts): OutcomeChange => {
  const { outcome, nowUs } = facts;
  if (outcome.kind === 'complete') return completed(record, outcome);
  const { code: errorCode, message: errorMessage } = outcome;
  if (outcome.kind === 'failed') return { next: 'error', change: { errorCode, errorMessage } };
  const hasProgress = record.counters.bytesDurable > facts.durableBefore;
  const stalledSinceUs = hasProgress ? nowUs : (record.stalledSinceUs ?? nowUs);
  const failures = hasProgress ? 1 : record.failures + 1;
  if (!mayRetry(stalledSinceUs, nowUs, record.retryDays)) {
    const given = `${errorMessage}; ${givenUpText(record.retryDays)}`;
    return { next: 'error', change: { errorCode, errorMessage: given, failures } };
  }
  return { next: 'retry', change: { errorCode, errorMessage, failures, stalledSinceUs } };
};

const givenUpText = (days: number): string =>
  days === 0
    ? 'not tried again, because "retryDays" is 0'
    : `given up after ${days} ${days === 1 ? 'day' : 'days'} without progress`;

const completed = (
  record: TransferRecord,
  outcome: Extract<SendOutcome, { kind: 'complete' }>,
): OutcomeChange => {
  const { fileErrors, receiptPath } = outcome;
  const first = fileErrors[0];
  if (first !== undefined) {
    const count = `${fileErrors.length} of ${record.totalFiles} files failed`;
    const change = {
      errorCode: first.code,
      errorMessage: `${count}; the first: ${first.message}`,
      fileErrors: fileErrors.slice(0, FILE_ERRORS_SHOWN_MAX),
      receiptPath,
    };
    return { next: 'error', change };
  }
  const { totalBytes } = record;
  const counters = { ...record.counters, bytesAcked: totalBytes, bytesDurable: totalBytes };
  const change = { errorCode: null, errorMessage: '', fileErrors: [], receiptPath, counters };
  return { next: 'complete', change };
};
