/**
 * Reads what a killed server or a power cut has left of a file list that was being written. What was
 * made durable is there whole; behind it may lie anything, so reading stops at the first line that is
 * no entry.
 */
import fs from 'node:fs';
import { LIST_LINE_BYTES_MAX } from './limits.js';
import { entryOf, type ManifestEntry, type ManifestLine } from './list-format.js';

const READ_BYTES = 1024 * 1024;
const LINE_FEED = 0x0a;

const isCount = (value: unknown): boolean =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;

const lineOf = (text: string): ManifestLine | null => {
  let line: ManifestLine | null;
  try {
    line = JSON.parse(text) as ManifestLine | null;
  } catch {
    return null;
  }
  const isEntry =
    line !== null &&
    ['f', 'd', 'l'].includes(line.k) &&
    typeof line.s === 'string' &&
    typeof line.d === 'string' &&
    isCount(line.z) &&
    isCount(line.m) &&
    isCount(line.r) &&
    Number.isSafeInteger(line.t);
  return isEntry ? line : null;
};

const startsWith = (fd: number, wanted: Buffer): boolean => {
  const found = Buffer.alloc(wanted.length);
  for (let done = 0; done < found.length; ) {
    const read = fs.readSync(fd, found, done, found.length - done, done);
    if (read === 0) return false;
    done += read;
  }
  return found.equals(wanted);
};

/**
 * Reads the entries of an unfinished list.
 *
 * @param header First line of the list; without it the list counts as empty.
 * @param entry Called for each, with the byte where its line starts.
 * @returns Bytes up to the end of the last entry; all behind them is to be cut off.
 */
export const recoverList = (
  fd: number,
  header: string,
  entry: (entry: ManifestEntry, position: number) => void,
): number => {
  const head = Buffer.from(header);
  if (!startsWith(fd, head)) return 0;
  let end = head.length;
  let held = Buffer.alloc(0);
  // What is longer than a line is none.
  while (held.length <= LIST_LINE_BYTES_MAX) {
    const piece = Buffer.allocUnsafe(READ_BYTES);
    const read = fs.readSync(fd, piece, 0, READ_BYTES, end + held.length);
    if (read === 0) return end;
    held = Buffer.concat([held, piece.subarray(0, read)]);
    let at = 0;
    for (let stop = held.indexOf(LINE_FEED); stop >= 0; stop = held.indexOf(LINE_FEED, at)) {
      const line = lineOf(held.toString('utf8', at, stop));
      if (line === null) return end;
      entry(entryOf(line), end);
      end += stop + 1 - at;
      at = stop + 1;
    }
    held = held.subarray(at);
  }
  return end;
};
