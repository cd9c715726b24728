/**
 * The sum of the sizes of all files under a place. Links count nothing and are never followed; a
 * file with several names counts once per name, as in listings. What the caller cannot look into is
 * not visible to it and counts nothing.
 */
import { CommandError } from '@jetstream/contract';
import { ConfinedRoot } from '../adapters/disk/confined-root.js';
import { errnoOf, shownPath } from '../adapters/disk/disk-error.js';
import type { FileTaskResult, Place, Report, Steps } from './file-task.js';
import { FILE_LIMITS } from './limits.js';

/** What a tree may do while it is walked without the sum being wrong. */
const GONE = new Set(['ENOENT', 'ENOTDIR', 'ELOOP']);
const CLOSED = new Set(['EACCES', 'EPERM']);

class SizeAdder {
  bytes = 0n;
  readonly #report: Report;
  #files = 0;
  #directories = 0;
  #closedDirectories = 0;

  constructor(report: Report) {
    this.#report = report;
  }

  *addEntry(parent: ConfinedRoot, name: string, depth: number): Steps<void> {
    const status = parent.lstat([name]);
    if (status.isDirectory()) yield* this.#addWithin(parent, name, depth);
    else if (status.isFile()) {
      this.bytes += status.size;
      this.#files += 1;
    }
    this.#tell();
    yield;
  }

  *#addWithin(parent: ConfinedRoot, name: string, depth: number): Steps<void> {
    let directory: ConfinedRoot;
    try {
      directory = parent.within([name]);
    } catch (error) {
      if (!CLOSED.has(errnoOf(error))) throw error;
      this.#closedDirectories += 1;
      return;
    }
    try {
      yield* this.addContent(directory, depth + 1);
    } finally {
      directory.close();
    }
  }

  *addContent(directory: ConfinedRoot, depth: number): Steps<void> {
    if (depth > FILE_LIMITS.treeDepthMax) {
      throw new CommandError(
        'io_error',
        `Cannot add up the sizes: directories lie more than ${FILE_LIMITS.treeDepthMax} deep`,
      );
    }
    try {
      for (const { name } of directory.readDirectory([])) {
        try {
          yield* this.addEntry(directory, name, depth);
        } catch (error) {
          if (!GONE.has(errnoOf(error))) throw error;
        }
      }
      this.#directories += 1;
    } catch (error) {
      if (!CLOSED.has(errnoOf(error))) throw error;
      this.#closedDirectories += 1;
    }
  }

  #tell(): void {
    this.#report({
      bytes: Number(this.bytes),
      files: this.#files,
      directories: this.#directories,
      closedDirectories: this.#closedDirectories,
    });
  }
}

/** JSON of `{du}`. */
export function* addUpSizes(place: Place, report: Report): Steps<FileTaskResult> {
  const root = ConfinedRoot.open(place.root);
  const adder = new SizeAdder(report);
  try {
    const status = root.lstat(place.components);
    if (status.isDirectory()) {
      const top = root.within(place.components);
      try {
        yield* adder.addContent(top, 0);
      } finally {
        top.close();
      }
    } else if (status.isFile()) {
      adder.bytes = status.size;
    }
  } finally {
    root.close();
  }
  if (adder.bytes > BigInt(Number.MAX_SAFE_INTEGER)) {
    const path = `/${place.components.join('/')}`;
    throw new CommandError(
      'io_error',
      `Cannot add up the sizes under ${shownPath(path)}: they come to ${adder.bytes} bytes, expected at most ${Number.MAX_SAFE_INTEGER}`,
    );
  }
  return { kind: 'text', text: JSON.stringify({ du: Number(adder.bytes) }) };
}
