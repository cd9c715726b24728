/** Listing and making directories by descriptor; errors are those of node:fs. */
import fs from 'node:fs';
import { pathTextFromBytes } from '@jetstream/contract';
import { errnoOf } from './disk-error.js';
import { pathArgument } from './path-argument.js';

const { O_DIRECTORY, O_NOFOLLOW } = fs.constants;
/** Not among Node's constants; the same number on x86, ARM and RISC-V. */
export const O_PATH = 0o10000000;

/** Kind of a directory entry as the directory itself tells it; `other` may need an lstat. */
export type EntryKind = 'file' | 'directory' | 'link' | 'other';

/** One name in a directory. */
export interface DirectoryEntry {
  readonly name: string;
  readonly kind: EntryKind;
}

const kindOf = (entry: fs.Dirent): EntryKind => {
  if (entry.isFile()) return 'file';
  if (entry.isDirectory()) return 'directory';
  return entry.isSymbolicLink() ? 'link' : 'other';
};

function* entriesOf(directory: fs.Dir): Generator<DirectoryEntry, void, undefined> {
  try {
    for (let entry = directory.readSync(); entry !== null; entry = directory.readSync()) {
      const name = pathTextFromBytes(entry.name as unknown as Buffer);
      yield { name, kind: kindOf(entry) };
    }
  } finally {
    directory.closeSync();
  }
}

/** Opens the listing at once, so that `fd` may be closed, and reads it as it is asked for. */
export const listDirectory = (fd: number): Generator<DirectoryEntry, void, undefined> => {
  // The types know string names only; 'buffer' yields the bytes of the name.
  const encoding = 'buffer' as BufferEncoding;
  return entriesOf(fs.opendirSync(`/proc/self/fd/${fd}`, { encoding, bufferSize: 512 }));
};

/** Makes directories one in the other below `fd`, which it closes. Links are never followed. */
export const makeDirectoriesBelow = (fd: number, names: readonly string[], mode: number): void => {
  let current = fd;
  try {
    for (const name of names) {
      const path = pathArgument(`/proc/self/fd/${current}/${name}`);
      try {
        fs.mkdirSync(path, { mode });
      } catch (error) {
        // Someone else made it first; whether it is a directory shows when it is opened.
        if (errnoOf(error) !== 'EEXIST') throw error;
      }
      const next = fs.openSync(path, O_PATH | O_DIRECTORY | O_NOFOLLOW);
      fs.closeSync(current);
      current = next;
    }
  } finally {
    fs.closeSync(current);
  }
};
