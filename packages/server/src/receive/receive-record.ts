/** A transfer that this server receives, as it is remembered. */
import type { ErrorCode, ReceiveTransferStructure } from '@jetstream/contract';
import type { PeerFacts, ReceiveOffer, ReceiveProgress } from '../data/data-plane.js';
import type { Ownership } from '../sessions/caller.js';

export interface ReceiveRecord extends Ownership {
  /** Id of the transfer at the sender. */
  readonly id: string;
  /** Identity key of the sender; nobody else may go on with this transfer. */
  readonly peerKey: string;
  readonly sourceIP: string;
  readonly sourcePort: number;
  /** What gave the sender the right: an API token, or its key in the list of clients. */
  readonly rightBy: 'token' | 'key';
  /** As the sender wrote it. */
  readonly destinationPath: string;
  /** Absolute directory that nothing leaves. */
  readonly root: string;
  /** The destination path below it. */
  readonly components: readonly string[];
  readonly status: ReceiveTransferStructure['status'];
  readonly errorCode: ErrorCode | null;
  readonly errorMessage: string;
  /** Both grow while a list that was offered without totals arrives. */
  readonly totalFiles: number;
  readonly totalBytes: number;
  /** It began without totals; absent in older records. */
  readonly isOpen?: boolean;
  /** It has ended and left no unfinished files; absent in older records. */
  readonly isDiscarded?: boolean;
  readonly bytesDurable: number;
  readonly startTimeUs: number;
  readonly endTimeUs: number | null;
  readonly lastRecvTimeUs: number | null;
  readonly lastErrorTimeUs: number | null;
  readonly receiptPath: string | null;
}

/** Whether a transfer that comes back has the totals that it began with, or had none. */
export const hasSameTotals = (
  known: ReceiveRecord,
  offer: Pick<ReceiveOffer, 'totalFiles' | 'totalBytes'>,
): boolean =>
  // What has arrived of an open one is held against its journal.
  known.isOpen === true ||
  (known.totalFiles === offer.totalFiles && known.totalBytes === offer.totalBytes);

/** Whether unfinished files may lie here of a transfer that this sender has begun. */
export const isHeldFrom = (
  peer: Pick<PeerFacts, 'publicKey'>,
  known: ReceiveRecord | null,
): boolean =>
  known?.peerKey === peer.publicKey && known.status !== 'complete' && known.isDiscarded !== true;

/** Totals during an attempt: those of an open list only grow. */
export const grownTotals = (
  record: ReceiveRecord,
  { filesTotal, bytesTotal }: ReceiveProgress,
): Pick<ReceiveRecord, 'totalFiles' | 'totalBytes'> => ({
  totalFiles: record.isOpen === true ? Math.max(record.totalFiles, filesTotal) : record.totalFiles,
  totalBytes: record.isOpen === true ? Math.max(record.totalBytes, bytesTotal) : record.totalBytes,
});

/** The structure of the API. */
export const receiveStructureOf = (record: ReceiveRecord): ReceiveTransferStructure => ({
  transferId: record.id,
  destinationPath: record.destinationPath,
  status: record.status,
  errorMessage: record.errorMessage,
  totalSize: record.totalBytes,
  totalFiles: record.totalFiles,
  bytesDurable: record.bytesDurable,
  sourceIP: record.sourceIP,
  sourcePort: record.sourcePort,
  lastRecvTime: record.lastRecvTimeUs,
  // What arrives is acknowledged within milliseconds.
  lastSendTime: record.lastRecvTimeUs,
  lastErrorTime: record.lastErrorTimeUs,
  receiptPath: record.receiptPath,
  owner: record.owner,
});
