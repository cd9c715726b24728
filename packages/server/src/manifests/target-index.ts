/**
 * Finds target paths that contradict each other while a manifest is made: two files of one name, or
 * a file where another entry needs a directory. Only needed when the targets of mappings may meet.
 * A path is remembered by a 128-bit digest, so that a million of them fit into little memory.
 */
import { hash } from 'node:crypto';
import { CommandError } from '@jetstream/contract';

/** Most entries of a manifest whose mappings meet in one target. */
export const MEETING_ENTRIES_MAX = 2_000_000;

/** The part of a list that an earlier run of the server has written. */
export interface KnownEntries {
  readonly targets: TargetIndex;
  readonly entries: number;
  readonly bytes: number;
}

const digestOf = (path: string): string => hash('md5', Buffer.from(path, 'utf16le'), 'binary');

const conflict = (path: string, actual: string): CommandError =>
  new CommandError(
    'path_invalid',
    `Cannot make the manifest: ${actual} at ${JSON.stringify(path)}, expected one thing per target path`,
    { details: { destPath: path } },
  );

/**
 * Target paths so far. A scan that goes on after a restart knows those of the list as it was; the first
 * time that it comes to one of them, nothing is to be added. Paths start with `/` and have no empty components.
 */
export class TargetIndex {
  readonly #files = new Set<string>();
  /** Listed before a restart, and not yet come to again. */
  readonly #known = new Set<string>();
  readonly #directories = new Set<string>();
  /** Parent of the last entry: its ancestors are known, and most entries share it with the next. */
  #lastParent = '';
  readonly #entriesMax: number;

  constructor(entriesMax = MEETING_ENTRIES_MAX) {
    this.#entriesMax = entriesMax;
  }

  /** Notes a file or link that was listed before a restart. */
  addKnown(path: string): void {
    this.#addAncestors(path);
    this.#known.add(digestOf(path));
  }

  /** Comes to a file or link again. @returns Whether it is listed already, for the first time. */
  takeKnown(path: string): boolean {
    const digest = digestOf(path);
    if (!this.#known.delete(digest)) return false;
    this.#files.add(digest);
    return true;
  }

  /**
   * Notes a file.
   *
   * @throws {CommandError} `path_invalid` if another mapping puts something else there.
   */
  addFile(path: string): void {
    this.#limit(path);
    const digest = digestOf(path);
    if (this.#isFile(digest)) throw conflict(path, 'two files meet');
    if (this.#directories.has(digest)) throw conflict(path, 'a file and a directory meet');
    this.#addAncestors(path);
    this.#files.add(digest);
  }

  /**
   * Notes an empty directory.
   *
   * @returns Whether it is new: one that something else fills or makes needs no entry.
   * @throws {CommandError} `path_invalid` if a file is there.
   */
  addDirectory(path: string): boolean {
    this.#limit(path);
    const digest = digestOf(path);
    if (this.#isFile(digest)) throw conflict(path, 'a file and a directory meet');
    this.#addAncestors(path);
    if (this.#directories.has(digest)) return false;
    this.#directories.add(digest);
    return true;
  }

  #addAncestors(path: string): void {
    const parent = path.slice(0, path.lastIndexOf('/'));
    if (parent === this.#lastParent) return;
    for (let at = path.indexOf('/', 1); at > 0; at = path.indexOf('/', at + 1)) {
      const ancestor = path.slice(0, at);
      const digest = digestOf(ancestor);
      if (this.#isFile(digest)) throw conflict(ancestor, 'a file and a directory meet');
      this.#directories.add(digest);
    }
    this.#lastParent = parent;
  }

  #isFile(digest: string): boolean {
    return this.#files.has(digest) || this.#known.has(digest);
  }

  #limit(path: string): void {
    if (this.#files.size + this.#known.size + this.#directories.size < this.#entriesMax) return;
    throw new CommandError(
      'conflict',
      `Cannot make the manifest: over ${this.#entriesMax} entries at ${JSON.stringify(path)}, expected fewer when mappings share a target directory`,
    );
  }
}
