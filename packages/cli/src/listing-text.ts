/** Columns of `jetstream ls`. */
import {
  FILETYPE_DIRECTORY,
  FILETYPE_REGULAR_FILE,
  FILETYPE_ROOT,
  FILETYPE_SYMLINK,
  type FileEntry,
} from '@jetstream/contract';
import { nameBytes } from './visible-text.js';

const LETTERS: Readonly<Record<number, string>> = {
  [FILETYPE_DIRECTORY]: 'd',
  [FILETYPE_REGULAR_FILE]: '-',
  [FILETYPE_SYMLINK]: 'l',
  [FILETYPE_ROOT]: 'D',
};

/** `drwx`: the type, and what the logged-in user may do. */
export const modeText = ({ type, access }: Pick<FileEntry, 'type' | 'access'>): string =>
  (LETTERS[type] ?? '?') +
  (access & 4 ? 'r' : '-') +
  (access & 2 ? 'w' : '-') +
  (access & 1 ? 'x' : '-');

const timeText = (seconds: number): string =>
  new Date(seconds * 1000).toISOString().slice(0, 19).replace('T', ' ');

/** Entries as lines: type and access, size, modification time (UTC), hash if there is one, name. */
export const listingLines = (
  files: readonly FileEntry[],
  form: { readonly tty: boolean },
): Uint8Array => {
  const width = files.reduce((widest, { size }) => Math.max(widest, String(size).length), 1);
  const hashWidth = files.reduce((widest, { hash }) => Math.max(widest, hash.length), 0);
  const parts: Uint8Array[] = [];
  for (const entry of files) {
    const columns = [
      modeText(entry),
      String(entry.size).padStart(width),
      timeText(entry.mtime),
      ...(hashWidth > 0 ? [entry.hash.padEnd(hashWidth)] : []),
    ];
    parts.push(Buffer.from(`${columns.join('  ')}  `), nameBytes(entry.name, form));
    parts.push(Buffer.from('\n'));
  }
  return Buffer.concat(parts);
};
