/**
 * Receipts of both sides: the disk thread writes what it knows of each file, this thread, which holds
 * the identity key, signs it. The receiver signs first; the sender's receipt carries that signature.
 */
import { systemClock } from '../../adapters/clock/clock.js';
import {
  type ForeignSeal,
  RECEIPT_FORMAT,
  type ReceiptHead,
  type ReceiptSeal,
} from '../../receipts/receipt-format.js';
import { isSealed, publicKeyOf, sealOf } from '../../receipts/receipt-seal.js';
import { receiptPath, sealDraft, sealIn } from '../../receipts/receipt-writer.js';
import type { ListTotals, Source, Target, TargetResult } from '../../storage/storage.js';
import type { PeerFacts, SendOrder } from '../data-plane.js';
import type { CompleteBody, OfferBody } from './peer-messages.js';
import type { DataWorkerOptions } from './worker-messages.js';

/** A receipt under its name. */
export interface SealedReceipt {
  readonly path: string;
  readonly seal: ReceiptSeal;
}

/** Microseconds since the epoch. */
export const nowUs = (): number => Math.round(systemClock.nowUs());

const serverOf = (options: DataWorkerOptions): ReceiptHead['server'] => ({
  publicKey: publicKeyOf(options.identity.privateKeyPem),
  serverId: options.serverId,
  serverUid: options.serverUid,
});

const peerOf = ({ publicKey, serverId, serverUid, address, port }: PeerFacts) => ({
  ...{ publicKey, serverId, serverUid, address, port },
});

const write = async (
  options: DataWorkerOptions,
  from: Pick<Source | Target, 'writeReceipt'>,
  head: ReceiptHead,
): Promise<SealedReceipt> => {
  const path = receiptPath(options.receiptDir, head);
  const { sha256 } = await from.writeReceipt(path, head);
  const seal = sealOf(head, sha256, options.identity.privateKeyPem);
  await sealDraft(path, seal);
  return { path, seal };
};

/** What the receiver of a complete transfer knows. */
export interface ReceivedFacts {
  readonly offer: OfferBody;
  readonly totals: ListTotals;
  readonly peer: PeerFacts;
  readonly startTime: number;
  readonly result: TargetResult;
}

/**
 * Writes and signs the receiver's receipt. One that is there already stays: the sender may hold its
 * digest.
 */
export const receivedReceipt = async (
  options: DataWorkerOptions,
  target: Target,
  { offer, totals, peer, startTime, result }: ReceivedFacts,
): Promise<SealedReceipt> => {
  const subject = { role: 'receiver', transferId: offer.transferId } as const;
  const path = receiptPath(options.receiptDir, subject);
  const server = serverOf(options);
  const known = target.state.complete === null ? null : await sealIn(path);
  if (known !== null && known.publicKey === server.publicKey && isSealed(subject, known)) {
    return { path, seal: known };
  }
  return write(options, target, {
    format: RECEIPT_FORMAT,
    ...subject,
    server,
    peer: peerOf(peer),
    destinationPath: offer.destinationPath,
    totalFiles: totals.files,
    totalBytes: totals.bytes,
    startTime,
    endTime: nowUs(),
    verified: result.verified,
  });
};

/** What the sender of a complete transfer knows. */
export interface SentFacts {
  readonly order: SendOrder;
  readonly totals: ListTotals;
  readonly peer: PeerFacts;
  readonly startTime: number;
  readonly summary: CompleteBody;
}

/** The receiver's signature, when it is one. */
export const receiverSeal = ({ order, peer, summary }: SentFacts): ForeignSeal | null => {
  const { receipt } = summary;
  if (receipt === null) return null;
  const subject = { role: 'receiver', transferId: order.transferId } as const;
  return isSealed(subject, { ...receipt, publicKey: peer.publicKey }) ? receipt : null;
};

/** Writes and signs the sender's receipt. */
export const sentReceipt = (
  options: DataWorkerOptions,
  source: Source,
  facts: SentFacts,
): Promise<SealedReceipt> => {
  const { order, totals, peer, startTime, summary } = facts;
  return write(options, source, {
    format: RECEIPT_FORMAT,
    role: 'sender',
    transferId: order.transferId,
    server: serverOf(options),
    peer: peerOf(peer),
    destinationPath: order.destinationPath,
    totalFiles: totals.files,
    totalBytes: totals.bytes,
    startTime,
    endTime: nowUs(),
    verified: summary.verified,
    receiver: receiverSeal(facts),
    receiverErrors: { count: summary.fileErrorCount, files: summary.fileErrors },
  });
};
