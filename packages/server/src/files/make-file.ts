/**
 * New files of a size. Content goes into a part file beside the final name, which takes that name
 * when everything is on the disk: nobody ever sees half a file.
 */
import { randomBytes, randomFillSync } from 'node:crypto';
import fs from 'node:fs';
import { CommandError } from '@jetstream/contract';
import { ConfinedRoot } from '../adapters/disk/confined-root.js';
import { diskError, errnoOf, shownPath } from '../adapters/disk/disk-error.js';
import { moveEntry, syncDirectory } from '../adapters/disk/move-entry.js';
import type { MakeFileTask, Report, Steps } from './file-task.js';
import { FILE_LIMITS } from './limits.js';

const { O_CREAT, O_EXCL, O_WRONLY } = fs.constants;
const FILE_MODE = 0o666;
const PART_ID_BYTES = 16;

/** A hidden name of its own for content that is not complete; the same prefix as in transfers. */
export const partName = (): string => `.jetpart-${randomBytes(PART_ID_BYTES).toString('hex')}`;

function* fillRandomly(fd: number, size: number, report: Report): Steps<void> {
  const buffer = Buffer.allocUnsafe(Math.min(size, FILE_LIMITS.writeBytes));
  let unsynced = 0;
  for (let written = 0; written < size; ) {
    randomFillSync(buffer);
    const length = Math.min(buffer.length, size - written);
    const added = fs.writeSync(fd, buffer, 0, length, written);
    written += added;
    unsynced += added;
    if (unsynced >= FILE_LIMITS.syncBytes) {
      fs.fdatasyncSync(fd);
      unsynced = 0;
    }
    report({ writtenBytes: written });
    yield;
  }
}

function* writePart(fd: number, task: MakeFileTask, report: Report): Steps<void> {
  try {
    fs.ftruncateSync(fd, task.size);
    if (task.fillRandom) yield* fillRandomly(fd, task.size, report);
    fs.fsyncSync(fd);
  } catch (error) {
    throw diskError('write', `/${task.place.components.join('/')}`, error);
  }
}

/** Whether the file is there already and shall stay. */
const isSettled = (directory: ConfinedRoot, name: string, task: MakeFileTask): boolean => {
  if (!directory.exists([name])) return false;
  if (directory.lstat([name]).isDirectory()) {
    const path = shownPath(`/${task.place.components.join('/')}`);
    throw new CommandError('is_a_directory', `Cannot make the file ${path}: a directory is there`);
  }
  return !task.modifyExisting;
};

const publish = (directory: ConfinedRoot, part: string, task: MakeFileTask): void => {
  const name = task.place.components.at(-1) ?? '';
  if (task.modifyExisting) {
    directory.rename([part], [name]);
    return;
  }
  try {
    moveEntry({ directory, name: part }, { directory, name });
  } catch (error) {
    // Somebody else made it first, which is as good.
    if (errnoOf(error) !== 'EEXIST') throw error;
    directory.unlink([part]);
  }
};

/** Makes a file. */
export function* makeFile(task: MakeFileTask, report: Report): Steps<void> {
  const { components } = task.place;
  const name = components.at(-1);
  if (name === undefined) {
    throw new CommandError('is_a_directory', 'Cannot make the file "/": it is the root');
  }
  const root = ConfinedRoot.open(task.place.root);
  let directory: ConfinedRoot | null = null;
  let part: string | null = null;
  try {
    directory = root.within(components.slice(0, -1));
    if (isSettled(directory, name, task)) return;
    const partial = partName();
    const fd = directory.openFile([partial], O_WRONLY | O_CREAT | O_EXCL, FILE_MODE);
    part = partial;
    try {
      yield* writePart(fd, task, report);
    } finally {
      fs.closeSync(fd);
    }
    publish(directory, part, task);
    part = null;
    syncDirectory(directory);
  } finally {
    if (part !== null) directory?.unlink([part]);
    directory?.close();
    root.close();
  }
}
