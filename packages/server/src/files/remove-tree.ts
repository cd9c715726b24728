/**
 * Removal of a file, or of a directory with everything below it. Links are removed, never followed:
 * each directory is opened by itself and emptied through its own descriptor.
 */
import { CommandError } from '@jetstream/contract';
import type { ConfinedRoot } from '../adapters/disk/confined-root.js';
import { errnoOf, shownPath } from '../adapters/disk/disk-error.js';
import type { Report, Steps } from './file-task.js';
import { FILE_LIMITS } from './limits.js';

class TreeRemover {
  readonly #report: Report;
  #removed = 0;

  constructor(report: Report) {
    this.#report = report;
  }

  /** @param way Names from the top of the removal down to the parent, for messages. */
  *remove(parent: ConfinedRoot, name: string, way: readonly string[]): Steps<void> {
    if (parent.lstat([name]).isDirectory()) yield* this.#removeDirectory(parent, name, way);
    else parent.unlink([name]);
    this.#removed += 1;
    this.#report({ removed: this.#removed });
    yield;
  }

  *#removeDirectory(parent: ConfinedRoot, name: string, way: readonly string[]): Steps<void> {
    const here = [...way, name];
    if (here.length > FILE_LIMITS.treeDepthMax) {
      throw new CommandError(
        'io_error',
        `Cannot remove ${shownPath(`/${here[0]}`)}: directories lie more than ${FILE_LIMITS.treeDepthMax} deep`,
      );
    }
    const directory = parent.within([name]);
    try {
      // Names are read first and removed then, because a directory that changes while it is read
      // may leave some out; it is empty when a reading finds nothing.
      for (;;) {
        const names = firstNames(directory);
        if (names.length === 0) break;
        for (const each of names) yield* this.#removeIfThere(directory, each, here);
      }
    } finally {
      directory.close();
    }
    parent.rmdir([name]);
  }

  *#removeIfThere(directory: ConfinedRoot, name: string, way: readonly string[]): Steps<void> {
    try {
      yield* this.remove(directory, name, way);
    } catch (error) {
      // Somebody else was faster, which is what was wanted.
      if (errnoOf(error) === 'ENOENT') return;
      throw named(error, [...way, name]);
    }
  }
}

const firstNames = (directory: ConfinedRoot): string[] => {
  const names: string[] = [];
  for (const { name } of directory.readDirectory([])) {
    names.push(name);
    if (names.length >= FILE_LIMITS.removeNamesAtOnce) break;
  }
  return names;
};

/** The error with the path as the caller knows it; inner calls know the last name only. */
const named = (error: unknown, way: readonly string[]): unknown => {
  if (!(error instanceof CommandError) || error.details['below'] !== undefined) return error;
  const reason = error.message.replace(/^[^:]*: /, '');
  const below = way.join('/');
  return new CommandError(error.code, `Cannot remove ${shownPath(below)}: ${reason}`, {
    details: { ...error.details, below },
    cause: error,
  });
};

/**
 * Removes what lies at the components.
 *
 * @throws {CommandError} `path_invalid` for the root itself, which nobody may remove.
 */
export function* removeTree(
  root: ConfinedRoot,
  components: readonly string[],
  report: Report,
): Steps<void> {
  const name = components.at(-1);
  if (name === undefined) {
    throw new CommandError('path_invalid', 'Cannot remove "/": it is the root');
  }
  // Asked by the whole path first, so that its errors name the whole path.
  root.lstat(components);
  const parent = root.within(components.slice(0, -1));
  try {
    yield* new TreeRemover(report).remove(parent, name, []);
  } finally {
    parent.close();
  }
}
