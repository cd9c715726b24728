/** Signatures of receipts: Ed25519 by the identity key, over a text that names what it is for. */
import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto';
import { RECEIPT_FORMAT, type ReceiptHead, type ReceiptSeal } from './receipt-format.js';

/** What is signed beside the digest, so that a signature fits one transfer and one side only. */
export type SealSubject = Pick<ReceiptHead, 'role' | 'transferId'>;

/** The signed bytes: four lines of ASCII. */
const statementOf = ({ role, transferId }: SealSubject, sha256: string): Buffer =>
  Buffer.from(`${RECEIPT_FORMAT}\n${role}\n${transferId}\n${sha256}\n`);

/** DER of a SubjectPublicKeyInfo around a raw Ed25519 key. */
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');
const RAW_KEY_BYTES = 32;

/** Base64 of the raw public key that belongs to a private one. */
export const publicKeyOf = (privateKeyPem: string): string =>
  createPublicKey(privateKeyPem)
    .export({ type: 'spki', format: 'der' })
    .subarray(-RAW_KEY_BYTES)
    .toString('base64');

/**
 * Seals a receipt.
 *
 * @param sha256 Of all lines before the seal, lower-case hex.
 */
export const sealOf = (
  subject: SealSubject,
  sha256: string,
  privateKeyPem: string,
): ReceiptSeal => ({
  sha256,
  signature: sign(null, statementOf(subject, sha256), createPrivateKey(privateKeyPem)).toString(
    'base64',
  ),
  publicKey: publicKeyOf(privateKeyPem),
});

/** Whether a seal was made for this subject by the holder of its key. Never throws. */
export const isSealed = (subject: SealSubject, seal: ReceiptSeal): boolean => {
  const raw = Buffer.from(seal.publicKey, 'base64');
  const signature = Buffer.from(seal.signature, 'base64');
  if (raw.length !== RAW_KEY_BYTES || signature.length !== 64) return false;
  try {
    const der = Buffer.concat([SPKI_PREFIX, raw]);
    const key = createPublicKey({ key: der, format: 'der', type: 'spki' });
    return verify(null, statementOf(subject, seal.sha256), key, signature);
  } catch {
    return false;
  }
};
