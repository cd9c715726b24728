/**
 * Writes a receipt in pieces, so that its length costs no memory and other work of the thread gets
 * its turns. What is written is not a receipt before it is sealed and has its name.
 */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { syncNamesAside } from '../adapters/disk/sync-names.js';
import {
  type ReceiptFile,
  type ReceiptHead,
  type ReceiptSeal,
  type ReceiptTotals,
  receiptLine,
  receiptSeal,
} from './receipt-format.js';

/** Characters that are gathered before they are written, between two turns of the event loop. */
const WRITE_CHARACTERS = 256 * 1024;
/** The seal is the last line, and much shorter than this. */
const TAIL_BYTES = 1024;

/** Where a server keeps the receipt of a transfer. */
export const receiptPath = (directory: string, head: Pick<ReceiptHead, 'role' | 'transferId'>) =>
  path.join(directory, `${head.transferId}-${head.role}.jsonl`);

const draftOf = (file: string): string => `${file}.new`;

/**
 * Writes everything but the seal.
 *
 * @returns SHA-256 of what was written, and what it counts.
 * @throws {Error} If the disk refuses; nothing is kept then.
 */
export const writeDraft = async (
  file: string,
  head: ReceiptHead,
  lines: Iterable<ReceiptFile>,
): Promise<{ sha256: string; totals: ReceiptTotals }> => {
  fs.mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  const hash = createHash('sha256');
  const totals = { files: 0, failed: 0, bytes: 0 };
  const fd = fs.openSync(draftOf(file), 'w', 0o600);
  const put = (text: string): void => {
    const bytes = Buffer.from(text);
    hash.update(bytes);
    for (let at = 0; at < bytes.length; ) at += fs.writeSync(fd, bytes, at);
  };
  try {
    let text = receiptLine(head);
    for (const line of lines) {
      if (line.error === undefined) {
        totals.files += 1;
        totals.bytes += line.size;
      } else {
        totals.failed += 1;
      }
      text += receiptLine(line);
      if (text.length < WRITE_CHARACTERS) continue;
      put(text);
      text = '';
      await nextTurn();
    }
    put(text + receiptLine({ end: totals }));
  } catch (error) {
    fs.rmSync(draftOf(file), { force: true });
    throw error;
  } finally {
    fs.closeSync(fd);
  }
  return { sha256: hash.digest('hex'), totals };
};

/** Adds the seal, makes the receipt durable and gives it its name. */
export const sealDraft = async (file: string, seal: ReceiptSeal): Promise<void> => {
  const handle = await fs.promises.open(draftOf(file), 'a');
  try {
    await handle.appendFile(receiptLine({ seal }));
    await handle.sync();
  } finally {
    await handle.close();
  }
  await fs.promises.rename(draftOf(file), file);
  await syncNamesAside(path.dirname(file));
};

/** The seal of a receipt that is there already; null when there is none. */
export const sealIn = async (file: string): Promise<ReceiptSeal | null> => {
  let handle: fs.promises.FileHandle;
  try {
    handle = await fs.promises.open(file, 'r');
  } catch {
    return null;
  }
  try {
    const { size } = await handle.stat();
    const start = Math.max(0, size - TAIL_BYTES);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(TAIL_BYTES), 0, TAIL_BYTES, start);
    const line = buffer.subarray(0, bytesRead).toString().trimEnd().split('\n').at(-1) ?? '';
    return receiptSeal.parse(JSON.parse(line)).seal;
  } catch {
    return null;
  } finally {
    await handle.close();
  }
};
