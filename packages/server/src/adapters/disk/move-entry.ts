/** Moves between directories that are held open, and questions about where a directory lies. */
import fs from 'node:fs';
import { CommandError } from '@jetstream/contract';
import type { ConfinedRoot } from './confined-root.js';
import { O_PATH } from './directory-steps.js';
import { diskError, errnoOf } from './disk-error.js';
import { type NativeFileSystem, nativeFileSystem } from './native-file-system.js';
import { checkNames, pathArgument, pathBytes } from './path-argument.js';

const { O_DIRECTORY } = fs.constants;

/** An entry of an open directory. */
export interface EntryPlace {
  readonly directory: ConfinedRoot;
  readonly name: string;
}

const occupied = (name: string): unknown =>
  diskError('move to', name, Object.assign(new Error('taken'), { code: 'EEXIST' }));

/** Without the kernel's promise a file still cannot replace another: it gets its second name first. */
const moveByNames = (from: EntryPlace, to: EntryPlace): void => {
  const isDirectory = from.directory.lstat([from.name]).isDirectory();
  from.directory.lend((fromFd) =>
    to.directory.lend((toFd) => {
      const fromPath = pathArgument(`/proc/self/fd/${fromFd}/${from.name}`);
      const toPath = pathArgument(`/proc/self/fd/${toFd}/${to.name}`);
      if (isDirectory) {
        // A directory that appears meanwhile can be replaced only while it is empty.
        if (to.directory.exists([to.name])) throw occupied(to.name);
        fs.renameSync(fromPath, toPath);
      } else {
        fs.linkSync(fromPath, toPath);
        fs.unlinkSync(fromPath);
      }
    }),
  );
};

/**
 * Gives an entry another directory and name; a link is moved itself. Never replaces anything.
 *
 * @throws {CommandError} `already_exists` if the name is taken; with the errno EXDEV in its details
 * if both directories lie on different file systems, EINVAL if a directory would lie in itself.
 */
export const moveEntry = (
  from: EntryPlace,
  to: EntryPlace,
  native: NativeFileSystem | null = nativeFileSystem(),
): void => {
  checkNames([from.name, to.name]);
  try {
    if (native !== null) {
      try {
        from.directory.lend((fromFd) =>
          to.directory.lend((toFd) =>
            native.renameNoReplace(fromFd, pathBytes(from.name), toFd, pathBytes(to.name)),
          ),
        );
        return;
      } catch (error) {
        // A file system that cannot promise it, or a directory into itself: the other way tells.
        if (errnoOf(error) !== 'EINVAL') throw error;
      }
    }
    moveByNames(from, to);
  } catch (error) {
    if (error instanceof CommandError) throw error;
    throw diskError('rename', from.name, error);
  }
};

/**
 * Whether a directory is, or lies below, another one. Looks further up than any root, but tells
 * nothing of what is there.
 */
export const liesBelow = (directory: ConfinedRoot, above: fs.BigIntStats): boolean => {
  let fd = directory.lend((root) => fs.openSync(`/proc/self/fd/${root}`, O_PATH | O_DIRECTORY));
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
    // Above what this process may search nothing can be told; the kernel decides.
    if (errnoOf(error) !== 'EACCES') throw diskError('examine', '/', error);
    return false;
  } finally {
    fs.closeSync(fd);
  }
};

/**
 * Makes the names in a directory durable, where that is possible: it needs the right to read the
 * directory, and some file systems know no such thing.
 */
export const syncDirectory = (directory: ConfinedRoot): void => {
  let fd = -1;
  try {
    fd = directory.openDirectory([]);
    fs.fsyncSync(fd);
  } catch (error) {
    if (!['EACCES', 'EINVAL'].includes(errnoOf(error))) throw diskError('sync', '/', error);
  } finally {
    if (fd !== -1) fs.closeSync(fd);
  }
};
