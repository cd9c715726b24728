/** What a copy says at its end, and with which exit code. */
import { CommandError, isErrorCode, type TransferStructure } from '@jetstream/contract';
import { EXIT } from './exit-codes.js';
import { CliError } from './failure.js';
import { jsonLine } from './json-text.js';
import { type LeftOut, leftOutText } from './left-out.js';
import { bytesText, durationText, rateText } from './quantity.js';
import type { Terminal } from './terminal.js';
import { visible } from './visible-text.js';

/** Failed files that are named one by one. */
const NAMED_FILES_MAX = 10;

/** How a copy ended. */
export interface CopyResult {
  readonly transfer: TransferStructure;
  /** What its manifest leaves out; null when it was not made for the copy, or nobody tells. */
  readonly leftOut: LeftOut | null;
  /** Receipt on this machine, or at the sender when both servers are remote; null without one. */
  readonly receiptPath: string | null;
  readonly elapsedSeconds: number;
}

/** `Copied 3 files, 1.2 GB in 0:07 at 1.4 Gbit/s (native)`. */
export const summaryText = ({ transfer, elapsedSeconds }: CopyResult): string => {
  const { totalFiles, totalBytes, path, startTime, endTime } = transfer;
  const bytes = totalBytes ?? 0;
  const seconds =
    startTime !== null && endTime !== null && endTime > startTime
      ? (endTime - startTime) / 1e6
      : elapsedSeconds;
  const files = `${totalFiles ?? 0} ${totalFiles === 1 ? 'file' : 'files'}`;
  const rate = seconds > 0 ? ` at ${rateText(bytes / seconds)}` : '';
  const via = path === null ? '' : ` (${path})`;
  return `Copied ${files}, ${bytesText(bytes)} in ${durationText(seconds)}${rate}${via}`;
};

const someFailed = ({ transfer }: CopyResult): CliError => {
  const { fileErrors, errorMessage } = transfer;
  const lines = fileErrors
    .slice(0, NAMED_FILES_MAX)
    .map(({ destPath, code, message }) => `  ${destPath}: ${message} (${code})`);
  if (fileErrors.length > NAMED_FILES_MAX) {
    lines.push(`  and ${fileErrors.length - NAMED_FILES_MAX} more`);
  }
  const text = errorMessage === '' ? `${fileErrors.length} files failed` : errorMessage;
  return new CliError(`Cannot copy everything: ${text}`, {
    exitCode: EXIT.someFilesFailed,
    code: 'some_files_failed',
    hint: lines.join('\n').trimStart(),
  });
};

const failureOfTransfer = (result: CopyResult): Error => {
  const { status, errorCode, errorMessage, fileErrors } = result.transfer;
  if (fileErrors.length > 0) return someFailed(result);
  const message = errorMessage === '' ? `Cannot copy: the transfer ended ${status}` : errorMessage;
  const code = isErrorCode(errorCode)
    ? errorCode
    : status === 'cancelled'
      ? 'cancelled'
      : 'internal';
  return new CommandError(code, message);
};

/**
 * Prints the result.
 *
 * @throws {CliError | CommandError} When not everything was copied.
 */
export const copyOutcome = (
  terminal: Terminal,
  result: CopyResult,
  flags: { readonly json?: boolean; readonly quiet?: boolean },
): void => {
  const { transfer, leftOut, receiptPath, elapsedSeconds } = result;
  const complete = transfer.status === 'complete' && transfer.fileErrors.length === 0;
  if (flags.json) {
    const { transferId, status, totalFiles, totalBytes, path, pathReason, fileErrors } = transfer;
    const record = { transferId, status, totalFiles, totalBytes, path, pathReason, fileErrors };
    const event = complete ? 'complete' : 'error';
    const skipped = { skippedCount: leftOut?.count ?? null, skipped: leftOut?.entries ?? [] };
    terminal.out(`${jsonLine({ event, ...record, ...skipped, receiptPath, elapsedSeconds })}\n`);
  } else {
    terminal.err(leftOutText(leftOut));
  }
  if (!complete) throw failureOfTransfer(result);
  if (flags.json || flags.quiet) return;
  terminal.err(`${summaryText(result)}\n`);
  if (receiptPath !== null) terminal.err(`Receipt ${visible(receiptPath)}\n`);
};
