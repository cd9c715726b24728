/**
 * A transfer as the server remembers it, and how its counters grow. Counters add up over all
 * attempts; what the receiver holds durably is the truth that an attempt starts from.
 */
import { BLOCK_BYTES, type ErrorCode, type TransferStructure } from '@jetstream/contract';
import type { FileError, RatePolicy, SendProgress, VerifyMode } from '../data/data-plane.js';
import type { Ownership } from '../sessions/caller.js';
import { RETRY_DAYS } from './retry-policy.js';
import type { TransferState } from './transfer-states.js';

/** Sums over all attempts, in bytes and packets. */
export interface TransferCounters {
  /** Payload sent, repeats included. */
  readonly bytesSent: number;
  /** File bytes that the receiver has confirmed; at most the total. */
  readonly bytesAcked: number;
  readonly bytesRetransmitted: number;
  /** File bytes that the receiver holds durably. */
  readonly bytesDurable: number;
  readonly linkBytesSent: number;
  readonly linkBytesReceived: number;
  readonly packetsSent: number;
  readonly packetsReceived: number;
}

/** A transfer as it is stored. */
export interface TransferRecord extends Ownership {
  readonly id: string;
  readonly manifestId: string;
  readonly destinationId: string;
  readonly destinationPath: string;
  /** Secret: API token of the receiver; that of the destination when null. */
  readonly destinationToken: string | null;
  readonly status: TransferState;
  readonly errorCode: ErrorCode | null;
  readonly errorMessage: string;
  readonly totalFiles: number;
  readonly totalBytes: number;
  /** Whether the manifest is still being made and the totals grow; absent in older records. */
  readonly isOpen?: boolean;
  /** Null for none before the end. */
  readonly checkpointFrequencySeconds: number | null;
  readonly priority: number;
  /** Own ceiling, kbit/s; null for none beside that of the destination. */
  readonly sendRateMax: number | null;
  /** Own policy; that of the destination when null. */
  readonly rateControlMethod: RatePolicy | null;
  /** Days without progress after which it is given up. */
  readonly retryDays: number;
  readonly overwriteMode: number;
  /** Whether the first file that fails ends the transfer; absent in older records. */
  readonly stopOnFileError?: boolean;
  /** Whether everything appears at once; absent in older records. */
  readonly publishWhole?: boolean;
  /** Absent in records of earlier versions: `chunks`. */
  readonly verifyMode?: VerifyMode;
  readonly transferFlags: number;
  readonly minCipher: number;
  readonly requestTimeUs: number;
  readonly queueTimeUs: number | null;
  readonly startTimeUs: number | null;
  readonly endTimeUs: number | null;
  readonly counters: TransferCounters;
  /** Attempts in a row that broke without progress. */
  readonly failures: number;
  /** When the first of them broke; null while there is progress. */
  readonly stalledSinceUs: number | null;
  /** When the next attempt is due; null unless it waits for one. */
  readonly nextRetryUs: number | null;
  /** A user has queued it again after an end that the receiver takes for final. */
  readonly startsAnew: boolean;
  readonly path: string | null;
  readonly pathReason: string | null;
  /** The first of the files that failed. */
  readonly fileErrors: readonly FileError[];
  readonly receiptPath: string | null;
  readonly userData: TransferStructure['userData'];
}

/** What there is to send. */
export type Totals = Pick<TransferRecord, 'totalFiles' | 'totalBytes' | 'isOpen'>;

/** What records of earlier versions lack. */
export const RECORD_DEFAULTS = {
  sendRateMax: null,
  rateControlMethod: null,
  retryDays: RETRY_DAYS,
  nextRetryUs: null,
  startsAnew: false,
} as const satisfies Partial<TransferRecord>;

/** Counters of a transfer that has sent nothing. */
export const ZERO_COUNTERS: TransferCounters = {
  bytesSent: 0,
  bytesAcked: 0,
  bytesRetransmitted: 0,
  bytesDurable: 0,
  linkBytesSent: 0,
  linkBytesReceived: 0,
  packetsSent: 0,
  packetsReceived: 0,
};

/**
 * Counters during an attempt.
 *
 * @param before Counters when the attempt began.
 * @param progress What the attempt itself has counted so far.
 */
const addProgress = (
  before: TransferCounters,
  progress: SendProgress,
  totalBytes: number,
): TransferCounters => {
  const bytesDurable = Math.min(totalBytes, progress.bytesDurable);
  // An attempt repeats what was confirmed but not durable, so earlier confirmations do not count.
  const acked = Math.max(before.bytesDurable + progress.bytesAcked, bytesDurable);
  return {
    bytesSent: before.bytesSent + progress.bytesSent,
    bytesAcked: Math.min(totalBytes, acked),
    bytesRetransmitted: before.bytesRetransmitted + progress.bytesRetransmitted,
    bytesDurable,
    linkBytesSent: before.linkBytesSent + progress.linkBytesSent,
    linkBytesReceived: before.linkBytesReceived + progress.linkBytesReceived,
    packetsSent: before.packetsSent + progress.packetsSent,
    packetsReceived: before.packetsReceived + progress.packetsReceived,
  };
};

/** What an attempt starts from, what it has come to, and how much there is to send. */
export interface AttemptCounters {
  readonly before: TransferCounters;
  readonly now: TransferCounters;
  readonly totalBytes: number;
}

/**
 * Counters after another report of an attempt. They never go back within an attempt, also when the
 * last report comes from a flow that is closed already.
 */
export const advanceCounters = (
  { before, now, totalBytes }: AttemptCounters,
  progress: SendProgress,
): TransferCounters => {
  const next = addProgress(before, progress, totalBytes);
  return {
    bytesSent: Math.max(now.bytesSent, next.bytesSent),
    bytesAcked: Math.max(now.bytesAcked, next.bytesAcked),
    bytesRetransmitted: Math.max(now.bytesRetransmitted, next.bytesRetransmitted),
    bytesDurable: Math.max(now.bytesDurable, next.bytesDurable),
    linkBytesSent: Math.max(now.linkBytesSent, next.linkBytesSent),
    linkBytesReceived: Math.max(now.linkBytesReceived, next.linkBytesReceived),
    packetsSent: Math.max(now.packetsSent, next.packetsSent),
    packetsReceived: Math.max(now.packetsReceived, next.packetsReceived),
  };
};

/** Totals during an attempt: those of a manifest that is being made only grow. */
export const grownTotals = (
  record: Pick<TransferRecord, 'totalFiles' | 'totalBytes' | 'isOpen'>,
  { filesTotal, bytesTotal }: SendProgress,
): Pick<TransferRecord, 'totalFiles' | 'totalBytes'> => {
  const { totalFiles, totalBytes, isOpen } = record;
  if (isOpen !== true) return { totalFiles, totalBytes };
  return {
    totalFiles: Math.max(totalFiles, filesTotal),
    totalBytes: Math.max(totalBytes, bytesTotal),
  };
};

/** Bytes in the API's counting unit; a part of a block is a block. */
export const blocksOf = (bytes: number): number => Math.ceil(bytes / BLOCK_BYTES);

/** What is only known while an attempt runs. */
export type LiveProgress = Pick<SendProgress, 'sendRateKbps' | 'roundTripTimeMs' | 'bottleneck'>;

/** Seconds to go at a rate in kbit/s; null when it does not move. */
export const etaSeconds = (bytesLeft: number, rateKbps: number): number | null =>
  rateKbps > 0 ? Math.max(0, bytesLeft) / (rateKbps * 125) : null;

/**
 * The structure of the API.
 *
 * @param live What the running attempt reports; null when none runs.
 */
export const transferStructureOf = (
  record: TransferRecord,
  snapshotTime: number,
  live: LiveProgress | null,
): TransferStructure => {
  const { counters, totalBytes, isOpen = false } = record;
  const sendRate = live?.sendRateKbps ?? 0;
  return {
    transferId: record.id,
    manifestId: record.manifestId,
    destinationId: record.destinationId,
    destinationPath: record.destinationPath,
    status: record.status,
    processing: record.endTimeUs === null,
    errorMessage: record.errorMessage,
    errorCode: record.errorCode,
    blockSize: BLOCK_BYTES,
    totalBlocks: blocksOf(totalBytes),
    totalBytes,
    totalFiles: record.totalFiles,
    totalsGrow: isOpen,
    blocksSent: blocksOf(counters.bytesSent),
    blocksAcked: blocksOf(counters.bytesAcked),
    blocksRetransmitted: blocksOf(counters.bytesRetransmitted),
    bytesSent: counters.linkBytesSent,
    bytesRecv: counters.linkBytesReceived,
    packetsSent: counters.packetsSent,
    packetsRecv: counters.packetsReceived,
    bytesDurable: counters.bytesDurable,
    checkpointFrequencySeconds: record.checkpointFrequencySeconds,
    priority: record.priority,
    sendRateMax: record.sendRateMax,
    rateControlMethod: record.rateControlMethod,
    retryDays: record.retryDays,
    retryCount: record.failures,
    nextRetryTime: record.nextRetryUs,
    overwriteMode: record.overwriteMode,
    verifyMode: record.verifyMode ?? 'chunks',
    transferFlags: record.transferFlags,
    minCipher: record.minCipher,
    requestTime: record.requestTimeUs,
    queueTime: record.queueTimeUs,
    startTime: record.startTimeUs,
    endTime: record.endTimeUs,
    snapshotTime,
    sendRate,
    etaSeconds:
      live === null || isOpen ? null : etaSeconds(totalBytes - counters.bytesAcked, sendRate),
    roundTripTimeMs: live?.roundTripTimeMs ?? null,
    path: record.path,
    pathReason: record.pathReason,
    bottleneck: live?.bottleneck ?? null,
    fileErrors: record.fileErrors.map(({ destPath, code, message }) => ({
      destPath,
      code,
      message,
    })),
    receiptPath: record.receiptPath,
    owner: record.owner,
    ownerToken: record.ownerToken,
    ownerTokenSession: record.ownerTokenSession,
    userData: record.userData,
  };
};
