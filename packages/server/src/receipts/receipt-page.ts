/** Pages of a receipt for the API: whole lines, so that each page can be read by itself. */
import fs from 'node:fs/promises';
import { CommandError, type ReceiptPage } from '@jetstream/contract';

/** Bytes of a page without `limit`. */
export const RECEIPT_PAGE_BYTES = 1024 * 1024;
const LINE_FEED = 0x0a;

export interface ReceiptPlace {
  readonly transferId: string;
  readonly role: ReceiptPage['role'];
  /** Null while there is none. */
  readonly path: string | null;
}

const absent = ({ transferId }: ReceiptPlace, why: string): CommandError =>
  new CommandError('not_found', `Cannot find a receipt of transfer "${transferId}": ${why}`, {
    details: { transferId },
  });

const open = async (place: ReceiptPlace): Promise<fs.FileHandle> => {
  if (place.path === null) throw absent(place, 'it has not been delivered to its end');
  try {
    return await fs.open(place.path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw absent(place, 'it is gone');
    throw error;
  }
};

/**
 * Reads a page.
 *
 * @throws {CommandError} `not_found` when there is no receipt, `invalid_params` for an offset that is
 * not the beginning of a line.
 */
export const readReceiptPage = async (
  place: ReceiptPlace,
  range: { offset?: number | null | undefined; limit?: number | null | undefined },
): Promise<ReceiptPage> => {
  const { transferId, role } = place;
  const offset = range.offset ?? 0;
  const handle = await open(place);
  try {
    const { size: totalBytes } = await handle.stat();
    const begin = Math.max(0, offset - 1);
    const length = Math.min(
      (range.limit ?? RECEIPT_PAGE_BYTES) + offset - begin,
      totalBytes - begin,
    );
    const { buffer } = await handle.read(Buffer.alloc(Math.max(0, length)), 0, length, begin);
    const isLineStart = offset === 0 || buffer[0] === LINE_FEED;
    const end = buffer.lastIndexOf(LINE_FEED) + 1;
    if (!isLineStart || end <= offset - begin) {
      throw new CommandError(
        'invalid_params',
        `Cannot read the receipt of "${transferId}" from byte ${offset}: expected the nextOffset of a page`,
      );
    }
    const nextOffset = begin + end < totalBytes ? begin + end : null;
    const text = buffer.subarray(offset - begin, end).toString();
    return { transferId, role, totalBytes, text, nextOffset };
  } finally {
    await handle.close();
  }
};
