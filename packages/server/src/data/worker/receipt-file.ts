/**
 * Receipts: what was transferred, file by file with digests, as one JSON document in the state
 * directory. Written whole and renamed, so that a receipt is either there or not.
 */
import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { Blake3Hasher } from '@napi-rs/blake-hash';
import type { FileError, PeerFacts, ReceiptFile } from '../data-plane.js';

const FILES_PER_WRITE = 1000;

export interface Receipt {
  readonly role: 'sender' | 'receiver';
  readonly transferId: string;
  readonly serverUid: string;
  readonly peer: PeerFacts;
  readonly destinationPath: string;
  readonly totalFiles: number;
  readonly totalBytes: number;
  readonly fileErrors: readonly FileError[];
  /** Every published file; a sender's receipt names the receiver's instead. */
  readonly files?: readonly ReceiptFile[];
  /** BLAKE3 of the receiver's receipt, in a sender's one. */
  readonly receiverReceiptBlake3?: string;
}

/** Writes a receipt. @returns Its absolute path and the BLAKE3 of its bytes, in hex. */
export const writeReceipt = (
  directory: string,
  receipt: Receipt,
): { path: string; blake3: string } => {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const path = join(directory, `${receipt.transferId}-${receipt.role}.json`);
  const hasher = new Blake3Hasher();
  const fd = openSync(`${path}.new`, 'w', 0o600);
  const put = (text: string): void => {
    const bytes = Buffer.from(text);
    hasher.update(bytes);
    for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
  };
  try {
    const { files, ...head } = receipt;
    const opening = JSON.stringify({ format: 'jetstream-receipt-1', ...head });
    put(`${opening.slice(0, -1)},"files":[`);
    for (let at = 0; at < (files?.length ?? 0); at += FILES_PER_WRITE) {
      const part = (files ?? []).slice(at, at + FILES_PER_WRITE);
      const lines = part.map((file) => `\n${JSON.stringify(file)}`).join(',');
      put(at === 0 ? lines : `,${lines}`);
    }
    put('\n]}\n');
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(`${path}.new`, path);
  return { path, blake3: hasher.digestBuffer().toString('hex') };
};
