/** Makes files and directories durable: one by one, or a whole file system when they are many. */
import fs from 'node:fs';
import { promisify } from 'node:util';
import type { ConfinedRoot } from '../adapters/disk/confined-root.js';
import { diskError, errnoOf } from '../adapters/disk/disk-error.js';
import { type NativeFileSystem, nativeFileSystem } from '../adapters/disk/native-file-system.js';
import { StorageError } from './storage.js';
import type { DirtyFiles, TargetFiles } from './target-files.js';

const fsync = promisify(fs.fsync);
/** From so many on, one syncfs is cheaper than an fsync for each. */
const SYNC_WHOLE_MIN = 64;
const SYNC_PARALLEL = 8;

const componentsOf = (directory: string): string[] =>
  directory === '' ? [] : directory.split('/');

const failure = (error: unknown): StorageError => {
  const { code, message } = diskError('make durable', 'received files', error);
  return new StorageError(code, message, { cause: error });
};

const syncWhole = (files: TargetFiles, dirty: DirtyFiles, native: NativeFileSystem): void => {
  const directories = new Set(dirty.directories);
  for (const index of dirty.files) directories.add(files.place(index).directory.join('/'));
  const devices = new Set<bigint>();
  for (const directory of directories) {
    const components = componentsOf(directory);
    const { dev } = files.root.lstat(components);
    if (devices.has(dev)) continue;
    const fd = files.root.openDirectory(components);
    try {
      native.syncFileSystem(fd);
    } finally {
      fs.closeSync(fd);
    }
    devices.add(dev);
  }
};

/** Syncs what `open` yields; what is gone meanwhile has failed and needs no sync. */
const syncOne = async (open: () => number): Promise<void> => {
  let fd: number;
  try {
    fd = open();
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return;
    throw error;
  }
  try {
    await fsync(fd);
  } catch (error) {
    // Some file systems cannot sync a directory, and need not.
    if (errnoOf(error) !== 'EINVAL') throw error;
  } finally {
    fs.closeSync(fd);
  }
};

/** Makes names in directories durable. @throws What the disk reports. */
export const syncDirectories = async (
  root: ConfinedRoot,
  directories: readonly (readonly string[])[],
): Promise<void> => {
  for (const components of directories) await syncOne(() => root.openDirectory(components));
};

/**
 * Resolves when everything is durable.
 *
 * @throws {StorageError} If the disk reports an error: nothing may be promised then.
 */
export const syncDirty = async (files: TargetFiles, dirty: DirtyFiles): Promise<void> => {
  const native = nativeFileSystem();
  try {
    if (native !== null && dirty.files.size + dirty.directories.size > SYNC_WHOLE_MIN) {
      syncWhole(files, dirty, native);
      return;
    }
    const opens = [
      ...[...dirty.files].map((index) => () => files.openForReading(index)),
      ...[...dirty.directories].map((text) => () => files.root.openDirectory(componentsOf(text))),
    ];
    const next = opens.values();
    const worker = async (): Promise<void> => {
      for (const open of next) await syncOne(open);
    };
    await Promise.all(Array.from({ length: SYNC_PARALLEL }, worker));
  } catch (error) {
    throw error instanceof StorageError ? error : failure(error);
  }
};
