import { createHash } from 'node:crypto';
import { TRANSFER_FLAG_WRITE } from '@jetstream/contract';
import type { TargetOptions } from '../../storage/storage.js';
import type { PeerFacts, ReceiveDecision } from '../data-plane.js';
import type { OfferBody } from './peer-messages.js';

/** What the disk is to hold of an offer that was accepted. */
export const targetOptionsOf = (
  { offer, peer }: { readonly offer: OfferBody; readonly peer: PeerFacts },
  decision: Extract<ReceiveDecision, { accepted: true }>,
  journalDir: string,
): TargetOptions => ({
  transferId: offer.transferId,
  peerKeyId: createHash('sha256').update(peer.publicKey).digest('hex').slice(0, 16),
  journalDir,
  root: decision.root,
  components: decision.components,
  overwriteMode: offer.overwriteMode,
  stopOnFileError: offer.stopOnFileError,
  publishWhole: offer.publishWhole,
  verifyMode: offer.verifyMode,
  totalFiles: offer.totalFiles,
  totalBytes: offer.totalBytes,
  writes: (offer.transferFlags & TRANSFER_FLAG_WRITE) !== 0,
});
