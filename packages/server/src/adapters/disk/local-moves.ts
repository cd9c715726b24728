/** Moves between directories that are held open, and where a directory lies; all by descriptor. */
import fs from 'node:fs';
import { CommandError } from '@jetstream/contract';
import { O_PATH } from './directory-steps.js';
import { diskError, errnoOf } from './disk-error.js';
import type { NativeFileSystem } from './native-file-system.js';
import { checkNames, pathArgument, pathBytes } from './path-argument.js';
import type { Identity } from './root-port.js';

const { O_DIRECTORY } = fs.constants;

/** A name in an open directory. */
export interface LocalEntry {
  readonly fd: number;
  readonly name: string;
}

/** Without the kernel's promise a file still cannot replace another: it gets its second name first. */
const moveByNames = (from: LocalEntry, to: LocalEntry): void => {
  const fromPath = pathArgument(`/proc/self/fd/${from.fd}/${from.name}`);
  const toPath = pathArgument(`/proc/self/fd/${to.fd}/${to.name}`);
  if (fs.lstatSync(fromPath).isDirectory()) {
    // A directory that appears meanwhile can be replaced only while it is empty.
    if (fs.lstatSync(toPath, { throwIfNoEntry: false }) !== undefined) {
      throw Object.assign(new Error('taken'), { code: 'EEXIST' });
    }
    fs.renameSync(fromPath, toPath);
  } else {
    fs.linkSync(fromPath, toPath);
    fs.unlinkSync(fromPath);
  }
};

/** @see ConfinedRoot.moveEntry */
export const moveLocalEntry = (
  from: LocalEntry,
  to: LocalEntry,
  native: NativeFileSystem | null,
): void => {
  checkNames([from.name, to.name]);
  try {
    if (native !== null) {
      try {
        native.renameNoReplace(from.fd, pathBytes(from.name), to.fd, pathBytes(to.name));
        return;
      } catch (error) {
        // A file system that cannot promise it, or a directory into itself: the other way tells.
        if (errnoOf(error) !== 'EINVAL') throw error;
      }
    }
    moveByNames(from, to);
  } catch (error) {
    if (error instanceof CommandError) throw error;
    const taken = errnoOf(error) === 'EEXIST';
    throw diskError(taken ? 'move to' : 'rename', taken ? to.name : from.name, error);
  }
};

/** @see ConfinedRoot.liesBelow */
export const directoryLiesBelow = (directory: number, above: Identity): boolean => {
  let fd = fs.openSync(`/proc/self/fd/${directory}`, O_PATH | O_DIRECTORY);
  try {
    let status = fs.fstatSync(fd, { bigint: true });
    for (;;) {
      if (status.ino === above.ino && status.dev === above.dev) return true;
      const parent = fs.openSync(`/proc/self/fd/${fd}/..`, O_PATH | O_DIRECTORY);
      fs.closeSync(fd);
      fd = parent;
      const next = fs.fstatSync(fd, { bigint: true });
      if (next.ino === status.ino && next.dev === status.dev) return false;
      status = next;
    }
  } catch (error) {
    // Above what this account may search nothing can be told; the kernel decides.
    if (errnoOf(error) !== 'EACCES') throw diskError('examine', '/', error);
    return false;
  } finally {
    fs.closeSync(fd);
  }
};
