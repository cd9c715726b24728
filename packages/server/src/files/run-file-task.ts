/** From a task to the steps that do it. */
import fs from 'node:fs';
import { pathTextFromBytes } from '@jetstream/contract';
import { ConfinedRoot } from '../adapters/disk/confined-root.js';
import { formatRootAddress, parseRootAddress } from '../adapters/disk/root-address.js';
import { addUpSizes } from './add-up-sizes.js';
import type { FileTask, FileTaskResult, Place, Report, Steps } from './file-task.js';
import { list, listRoots } from './list-directory.js';
import { makeFile } from './make-file.js';
import { movePath } from './move-path.js';
import { removeTree } from './remove-tree.js';
import type { TaskWork } from './task-work.js';

const nothing: FileTaskResult = { kind: 'text', text: 'null' };

const makeDirectories = (place: Place): FileTaskResult => {
  const root = ConfinedRoot.open(place.root);
  try {
    root.makeDirectories(place.components);
    return nothing;
  } finally {
    root.close();
  }
};

/** JSON of the address of a directory, links resolved, as of the same owner. */
const resolveDirectory = (place: Place): FileTaskResult => {
  const root = ConfinedRoot.open(place.root);
  try {
    const fd = root.openDirectory(place.components);
    try {
      const path = fs.readlinkSync(`/proc/self/fd/${fd}`, { encoding: 'buffer' });
      const { owner } = parseRootAddress(place.root);
      const address = formatRootAddress({ owner, directory: pathTextFromBytes(path) });
      return { kind: 'text', text: JSON.stringify(address) };
    } finally {
      fs.closeSync(fd);
    }
  } finally {
    root.close();
  }
};

function* remove(place: Place, report: Report): Steps<FileTaskResult> {
  const root = ConfinedRoot.open(place.root);
  try {
    yield* removeTree(root, place.components, report);
    return nothing;
  } finally {
    root.close();
  }
}

/** The steps of a task. */
export function* stepsOf(task: FileTask, work: TaskWork): Steps<FileTaskResult> {
  switch (task.kind) {
    case 'list':
    case 'listPaths':
      return yield* list(task, work);
    case 'roots':
      return yield* listRoots(task);
    case 'sizes':
      return yield* addUpSizes(task.place, work.report);
    case 'remove':
      return yield* remove(task.place, work.report);
    case 'makeFile':
      yield* makeFile(task, work.report);
      return nothing;
    case 'move':
      yield* movePath(task, work.report);
      return nothing;
    case 'mkdir':
      return makeDirectories(task.place);
    case 'resolve':
      return resolveDirectory(task.place);
  }
}
