/**
 * Reads published files once more, from the disk and not from memory, and compares them with the
 * digests they were published for. A file that differs is named and left where it is: whoever changed
 * it may have meant to.
 */
import fs from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { promisify } from 'node:util';
import { WIRE_KIND } from '@jetstream/transport';
import { Blake3Hasher } from '@napi-rs/blake-hash';
import { errnoOf } from '../adapters/disk/disk-error.js';
import { nativeFileSystem } from '../adapters/disk/native-file-system.js';
import type { Verified } from '../receipts/receipt-format.js';
import { ENTRY, type EntryTable } from './entry-table.js';
import { StorageError } from './storage.js';
import type { TargetFiles } from './target-files.js';
import type { TargetOutcomes } from './target-outcomes.js';
import { notThere } from './transfer-faults.js';

/** Bytes that are read between two requests. */
const READ_BYTES = 1024 * 1024;
const { O_RDONLY, O_NOFOLLOW } = fs.constants;
const fdatasync = promisify(fs.fdatasync);

export interface ReadBackParts {
  readonly table: EntryTable;
  readonly files: TargetFiles;
  readonly outcomes: TargetOutcomes;
  /** Throws when the transfer is closed. */
  check(): void;
}

/** Pages that wait to be written cannot be dropped, so they are written first. */
const dropCache = async (fd: number): Promise<boolean> => {
  const native = nativeFileSystem();
  if (native === null) return false;
  await fdatasync(fd);
  native.dropPageCache(fd);
  return true;
};

const digestOf = async (fd: number, scratch: Buffer, check: () => void): Promise<Buffer> => {
  const hasher = new Blake3Hasher();
  for (;;) {
    const read = fs.readSync(fd, scratch, 0, scratch.length, null);
    if (read === 0) return hasher.digestBuffer();
    hasher.update(scratch.subarray(0, read));
    await nextTurn();
    check();
  }
};

/**
 * Compares every published file with its digest; what differs fails with `content_mismatch`.
 *
 * @returns `reread` where the cache could not be dropped, so that a read may come from memory.
 */
export const readBackAll = async (parts: ReadBackParts): Promise<Verified> => {
  const { table, files, outcomes, check } = parts;
  const scratch = Buffer.allocUnsafeSlow(READ_BYTES);
  let verified: Verified = 'readback';
  for (let index = 0; index < table.length; index += 1) {
    check();
    if (table.kind(index) !== WIRE_KIND.file || !table.is(index, ENTRY.published)) continue;
    let fd: number;
    try {
      fd = files.root.openFile(files.place(index).final, O_RDONLY | O_NOFOLLOW);
    } catch (error) {
      notThere(error);
      outcomes.mismatched(index, `it cannot be opened (${errnoOf(error)})`);
      continue;
    }
    try {
      if (!(await dropCache(fd))) verified = 'reread';
      const digest = await digestOf(fd, scratch, check);
      if (!digest.equals(table.digest(index))) {
        outcomes.mismatched(index, 'its content is not what was written');
      }
    } catch (error) {
      if (error instanceof StorageError || errnoOf(error) === '') throw error;
      outcomes.mismatched(index, `it cannot be read (${errnoOf(error)})`);
    } finally {
      fs.closeSync(fd);
    }
  }
  return verified;
};
