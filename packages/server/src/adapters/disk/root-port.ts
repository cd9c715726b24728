/**
 * A directory that no operation leaves, whatever names and links lie below it: what everything that
 * touches users' files works with. All calls are synchronous and belong into disk or file threads.
 *
 * There are two implementations: {@link LocalRoot} works as the account of this process, and
 * {@link AgentRoot} has each call made by the file agent of the account that owns the root, so that
 * the kernel decides what that account may do. Descriptors that come back are the same in both.
 */
import type { BigIntStats } from 'node:fs';
import type { DirectoryEntry } from './directory-steps.js';
import type { NativeFileSystem } from './native-file-system.js';

export type { DirectoryEntry, EntryKind } from './directory-steps.js';

/** Validated names below the root, see `SandboxPath`. */
export type Components = readonly string[];

export interface ConfinedRootOptions {
  /** The addon's services, taken when present; null walks component by component. */
  readonly native?: NativeFileSystem | null;
  /**
   * Directory descriptors to keep open, 0 by default. A cached descriptor cannot lead anywhere but
   * to the directory it was opened for; when that directory is moved, it is still the same one.
   */
  readonly directoriesMax?: number;
}

/** What makes a directory the one it is. */
export type Identity = Pick<BigIntStats, 'dev' | 'ino'>;

/** User and group that a file belongs to. */
export interface FileOwner {
  readonly uid: number;
  readonly gid: number;
}

/** @see the head of this file */
export interface ConfinedRoot {
  /** User id that the calls are made as. */
  readonly userId: number;
  /**
   * The directory at `components` as a root of its own. Names in it are then reached without
   * resolving the way again: the way to walk a tree that may change underneath.
   */
  within(components: Components): ConfinedRoot;
  /**
   * Opens a file; `flags` as for open(2). Links at the end are followed only inside the root, only
   * with the addon, and never with O_NOFOLLOW or O_CREAT. Opening a pipe or device does not block;
   * callers that need a regular file check with fstat.
   */
  openFile(components: Components, flags: number, mode?: number): number;
  /** Descriptor of a directory for reading and fsync; the caller closes it. */
  openDirectory(components: Components): number;
  /** Status of the name itself, links not followed; of the root for no components. */
  lstat(components: Components): BigIntStats;
  /** Status of what the path leads to; links are followed where {@link openFile} follows them. */
  stat(components: Components): BigIntStats;
  /** Whether the name exists, be it a dangling link. */
  exists(components: Components): boolean;
  /**
   * Whether the account may access what lies at the name, `mode` as for access(2). For a link it is
   * the link that is asked about, never what it leads to.
   */
  accessible(components: Components, mode: number): boolean;
  /** Makes one directory. */
  makeDirectory(components: Components, mode?: number): void;
  /**
   * Makes a directory and what is missing above it.
   *
   * @returns How many directories were made: the last so many of `components`.
   */
  makeDirectories(components: Components, mode?: number): number;
  /** Names in a directory, in its own order, read piece by piece. */
  readDirectory(components: Components): Generator<DirectoryEntry, void, undefined>;
  /** Content of a link. */
  readLink(components: Components): string;
  /** Makes a link, whose content is never looked at; the superuser may give it away. */
  makeLink(components: Components, content: string, owner?: FileOwner): void;
  /** Gives a name to another place; replaces a file there at once, never a directory. */
  rename(from: Components, to: Components): void;
  /**
   * As {@link rename}, and fails with `already_exists` when the new name is taken. Files only: the
   * way without the addon makes a second name before it removes the first.
   */
  renameNoReplace(from: Components, to: Components): void;
  /**
   * Gives an entry of this directory a name in another one of the same account; a link is moved
   * itself. Never replaces anything.
   *
   * @throws {CommandError} `already_exists` if the name is taken; with the errno EXDEV in its
   * details if both lie on different file systems, EINVAL if a directory would lie in itself.
   */
  moveEntry(name: string, target: ConfinedRoot, targetName: string): void;
  /** A second name for a file; fails with `already_exists` when it is taken. */
  link(from: Components, to: Components): void;
  /** Removes a name that is no directory. */
  unlink(components: Components): void;
  /** Removes an empty directory. */
  rmdir(components: Components): void;
  /**
   * Whether this directory is, or lies below, another one. Looks further up than any root, but
   * tells nothing of what is there.
   */
  liesBelow(above: Identity): boolean;
  /** Sets the times of an open file; one that belongs to someone else keeps its own. */
  setTimes(fd: number, mtimeus: number): void;
  /** Sets the mode of an open file, set-id and sticky bits included. */
  setMode(fd: number, mode: number): void;
  /** Gives an open file away, where the account may. */
  setOwner(fd: number, owner: FileOwner): void;
  /** Closes the root and everything cached. */
  close(): void;
}
