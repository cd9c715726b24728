/**
 * Moves of a file, a link or a tree. Into a directory that exists a path is moved under its own
 * name; nothing is ever replaced. Between file systems it is copied, made durable, given its name,
 * and only then removed from its old place.
 */
import fs from 'node:fs';
import { CommandError } from '@jetstream/contract';
import { ConfinedRoot } from '../adapters/disk/confined-root.js';
import { errnoOf, shownPath } from '../adapters/disk/disk-error.js';
import {
  type EntryPlace,
  liesBelow,
  moveEntry,
  syncDirectory,
} from '../adapters/disk/move-entry.js';
import { formatSandboxPath } from '../sandboxes/sandbox-path.js';
import { TreeCopier } from './copy-tree.js';
import type { MoveTask, Place, Report, Steps } from './file-task.js';
import { partName } from './make-file.js';
import { removeTree } from './remove-tree.js';

interface Ends {
  readonly from: EntryPlace;
  readonly to: EntryPlace;
  /** Both paths as the caller wrote them. */
  readonly shown: string;
}

const shownPlace = ({ rootName, components }: Place): string =>
  shownPath(formatSandboxPath({ rootName, components }));

const intoItself = (shown: string): CommandError =>
  new CommandError('path_invalid', `Cannot move ${shown}: a directory cannot lie in itself`);

/** Whether the new path is a directory to move into, perhaps through a link. */
const leadsToDirectory = (root: ConfinedRoot, components: readonly string[]): boolean => {
  if (!root.exists(components)) return false;
  if (!root.lstat(components).isSymbolicLink()) return root.lstat(components).isDirectory();
  try {
    return root.stat(components).isDirectory();
  } catch (error) {
    // A link that leads nowhere, or out of the root, only occupies the name.
    if (error instanceof CommandError) return false;
    throw error;
  }
};

/** Opens the directory that something is moved into, and says under which name. */
const openTarget = (root: ConfinedRoot, place: Place, ownName: string): EntryPlace => {
  const { components } = place;
  const name = components.at(-1);
  if (name === undefined || leadsToDirectory(root, components)) {
    return { directory: root.within(components), name: ownName };
  }
  return { directory: root.within(components.slice(0, -1)), name };
};

/** Copies beside the final name, and removes the original when the copy has that name. */
function* moveByCopy({ from, to, shown }: Ends, report: Report): Steps<void> {
  const { directory } = to;
  if (directory.exists([to.name])) {
    throw new CommandError('already_exists', `Cannot move ${shown}: the new path is taken`);
  }
  if (!from.directory.accessible([], fs.constants.W_OK)) {
    throw new CommandError(
      'permission_denied',
      `Cannot move ${shown}: it may not be removed from its directory`,
    );
  }
  let part: string | null = partName();
  try {
    yield* new TreeCopier(report).copy(from, { directory, name: part }, [from.name]);
    moveEntry({ directory, name: part }, to);
    part = null;
    syncDirectory(directory);
    yield* removeTree(from.directory, [from.name], report);
    syncDirectory(from.directory);
  } finally {
    if (part !== null && directory.exists([part])) yield* removeTree(directory, [part], () => {});
  }
}

function* moveBetween(ends: Ends, report: Report): Steps<void> {
  const { from, to, shown } = ends;
  const status = from.directory.lstat([from.name]);
  if (status.isDirectory() && liesBelow(to.directory, status)) throw intoItself(shown);
  try {
    moveEntry(from, to);
  } catch (error) {
    if (errnoOf(error) === 'EXDEV') {
      yield* moveByCopy(ends, report);
      return;
    }
    if (errnoOf(error) === 'EINVAL') throw intoItself(shown);
    if (errnoOf(error) === 'EEXIST') {
      throw new CommandError('already_exists', `Cannot move ${shown}: the new path is taken`, {
        cause: error,
      });
    }
    throw error;
  }
  syncDirectory(to.directory);
  syncDirectory(from.directory);
}

/**
 * Moves what lies at one place to another.
 *
 * @throws {CommandError} `already_exists` if the new path is taken.
 */
export function* movePath(task: MoveTask, report: Report): Steps<void> {
  const ownName = task.from.components.at(-1);
  if (ownName === undefined) {
    throw new CommandError('path_invalid', `Cannot move ${shownPlace(task.from)}: it is a root`);
  }
  const open: ConfinedRoot[] = [];
  const opened = (root: ConfinedRoot): ConfinedRoot => {
    open.push(root);
    return root;
  };
  try {
    const fromRoot = opened(ConfinedRoot.open(task.from.root));
    // Asked by the whole path, so that the error names it.
    fromRoot.lstat(task.from.components);
    const toRoot = opened(ConfinedRoot.open(task.to.root));
    const directory = opened(fromRoot.within(task.from.components.slice(0, -1)));
    const to = openTarget(toRoot, task.to, ownName);
    opened(to.directory);
    const shown = `${shownPlace(task.from)} to ${shownPlace(task.to)}`;
    yield* moveBetween({ from: { directory, name: ownName }, to, shown }, report);
  } finally {
    for (const root of open) root.close();
  }
}
