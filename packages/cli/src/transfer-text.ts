/** Transfers as lines for people. */
import type { TransferStructure } from '@jetstream/contract';
import { bytesText, durationText, rateText } from './quantity.js';
import { visible } from './visible-text.js';

const percent = ({ totalBytes, bytesDurable, status }: TransferStructure): string => {
  if (status === 'complete') return '100 %';
  if (totalBytes === null || totalBytes === 0) return '0 %';
  return `${Math.floor((bytesDurable / totalBytes) * 100)} %`;
};

/** What moves it now, or what it waits for. */
const stateText = (transfer: TransferStructure): string => {
  const { status, sendRate, etaSeconds, errorMessage, bottleneck } = transfer;
  if (status === 'active') {
    const rate = rateText(sendRate * 125);
    return `${rate}, ${durationText(etaSeconds)} to go${bottleneck === null ? '' : ` (${bottleneck})`}`;
  }
  return visible(errorMessage);
};

/** One line: id, status, progress, size, priority, destination, and what goes on. */
export const transferLine = (transfer: TransferStructure): string => {
  const { transferId, status, totalBytes, priority, destinationId } = transfer;
  const columns = [
    transferId,
    status.padEnd(9),
    percent(transfer).padStart(5),
    bytesText(totalBytes ?? 0).padStart(8),
    String(priority).padStart(4),
    visible(destinationId),
    stateText(transfer),
  ];
  return `${columns.join('  ').trimEnd()}\n`;
};
