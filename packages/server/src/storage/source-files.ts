/**
 * Reads pieces of the source's files and holds each file to what the manifest says of it. After
 * every read the file's size and time are compared again: a change before that moment shows, and
 * one after it concerns only later pieces. A file that fails once stays failed.
 */
import fs from 'node:fs';
import type { ErrorCode } from '@jetstream/contract';
import { ConfinedRoot } from '../adapters/disk/confined-root.js';
import { diskError, errnoOf, shownPath } from '../adapters/disk/disk-error.js';
import type { FileError } from '../data/data-plane.js';
import { identityOf } from './file-identity.js';
import { FILE_ERRORS_MAX, OPEN_DIRECTORIES_MAX, OPEN_FILES_MAX } from './limits.js';
import type { PlacedEntry } from './source-list.js';
import { StorageError } from './storage.js';

/** Lack of these is no fault of the file: the attempt ends and is made again. */
const OWN_SHORTAGE = new Set(['EMFILE', 'ENFILE', 'ENOMEM']);

const REASONS: Partial<Record<ErrorCode, string>> = {
  source_changed: 'it changed after the manifest was made',
  source_vanished: 'it is gone',
  permission_denied: 'permission denied',
};

/** Why a file of the source cannot be sent, as both sides report it. */
export const sourceFault = (destPath: string, code: ErrorCode): FileError => ({
  destPath,
  code,
  message: `Cannot read the source of ${shownPath(destPath)}: ${REASONS[code] ?? code}`,
});

/** Whether a time from fstat is the manifest's, which is cut to microseconds. */
const isTime = (mtimeMs: number, mtimeus: number): boolean => {
  const apart = mtimeMs * 1000 - mtimeus;
  return apart > -1.6 && apart < 1.6;
};

/** @see the head of this file */
export class SourceFiles {
  readonly #list: { readonly roots: readonly string[] };
  readonly #openRoots = new Map<number, ConfinedRoot>();
  readonly #fds = new Map<number, number>();
  readonly #failed = new Map<number, ErrorCode>();
  readonly errors: FileError[] = [];

  /** @param list Its roots are asked for when the first file is. */
  constructor(list: { readonly roots: readonly string[] }) {
    this.#list = list;
  }

  /** Code of a file that failed. */
  failure(entry: PlacedEntry): ErrorCode | undefined {
    return this.#failed.get(entry.index);
  }

  /**
   * Fills `into` from the file at `offset`; with zeros when the file fails.
   *
   * @returns Whether this is the file's true content.
   */
  read(entry: PlacedEntry, offset: number, into: Buffer): boolean {
    if (this.#failed.has(entry.index)) {
      into.fill(0);
      return false;
    }
    const whole = into.length === entry.size;
    try {
      const fd = whole ? this.#open(entry) : this.#held(entry);
      try {
        this.#readAll(fd, offset, into);
        this.#check(fd, entry);
      } finally {
        if (whole) fs.closeSync(fd);
      }
      return true;
    } catch (error) {
      this.#fail(entry, error);
      into.fill(0);
      return false;
    }
  }

  /** Takes over what an earlier attempt has found out. */
  failedBefore(entry: PlacedEntry, code: ErrorCode): void {
    this.#failed.set(entry.index, code);
    if (this.errors.length < FILE_ERRORS_MAX) this.errors.push(sourceFault(entry.destPath, code));
  }

  /** Which file is being read, and its state; null when it cannot be told. */
  identity(entry: PlacedEntry): string | null {
    try {
      return identityOf(fs.fstatSync(this.#held(entry), { bigint: true }));
    } catch {
      return null;
    }
  }

  /** Lets go of a file that has been read to its end. */
  release(entry: PlacedEntry): void {
    const fd = this.#fds.get(entry.index);
    if (fd === undefined) return;
    this.#fds.delete(entry.index);
    fs.closeSync(fd);
  }

  close(): void {
    for (const fd of this.#fds.values()) fs.closeSync(fd);
    for (const root of this.#openRoots.values()) root.close();
    this.#fds.clear();
    this.#openRoots.clear();
  }

  #root(index: number): ConfinedRoot {
    let root = this.#openRoots.get(index);
    if (root === undefined) {
      const options = { directoriesMax: OPEN_DIRECTORIES_MAX };
      root = ConfinedRoot.open(this.#list.roots[index] ?? '', options);
      this.#openRoots.set(index, root);
    }
    return root;
  }

  #open(entry: PlacedEntry): number {
    return this.#root(entry.root).openFile(entry.source.split('/'), fs.constants.O_RDONLY);
  }

  #held(entry: PlacedEntry): number {
    const held = this.#fds.get(entry.index);
    if (held !== undefined) return held;
    for (const [oldest, fd] of this.#fds) {
      if (this.#fds.size < OPEN_FILES_MAX) break;
      this.#fds.delete(oldest);
      fs.closeSync(fd);
    }
    const fd = this.#open(entry);
    this.#fds.set(entry.index, fd);
    return fd;
  }

  #readAll(fd: number, offset: number, into: Buffer): void {
    for (let done = 0; done < into.length; ) {
      const read = fs.readSync(fd, into, done, into.length - done, offset + done);
      if (read === 0) throw new StorageError('source_changed', 'the file is shorter');
      done += read;
    }
  }

  #check(fd: number, entry: PlacedEntry): void {
    const stat = fs.fstatSync(fd);
    if (stat.isFile() && stat.size === entry.size && isTime(stat.mtimeMs, entry.mtimeus)) return;
    throw new StorageError('source_changed', 'size or time differ');
  }

  #fail(entry: PlacedEntry, error: unknown): void {
    if (OWN_SHORTAGE.has(errnoOf(error))) {
      throw new StorageError('io_error', `Cannot read sources: the system is short of files`, {
        cause: error,
      });
    }
    const code = this.#codeOf(entry, error);
    if (code === 'agent_unavailable') throw new StorageError(code, (error as Error).message);
    this.release(entry);
    this.#failed.set(entry.index, code);
    if (this.errors.length < FILE_ERRORS_MAX) this.errors.push(sourceFault(entry.destPath, code));
  }

  #codeOf(entry: PlacedEntry, error: unknown): ErrorCode {
    if (error instanceof StorageError) return error.code;
    const { code } = diskError('read', entry.destPath, error);
    if (code === 'is_a_directory') return 'source_changed';
    return code === 'path_not_found' || code === 'not_a_directory' ? 'source_vanished' : code;
  }
}
