/**
 * A confined root that works as the account of this process.
 *
 * The root is held by descriptor. A path below it is resolved by openat2 (RESOLVE_BENEATH) when the
 * addon is there: links that stay inside work. Without the addon each component is opened by itself
 * through `/proc/self/fd/<parent>/<name>` with O_NOFOLLOW, which is a true openat: links in the
 * middle are refused. What acts on a name (rename, unlink, lstat …) acts relative to the descriptor
 * of its parent, so a directory that is swapped for a link meanwhile leads nowhere.
 *
 * The root `/` is no border: there, paths resolve as for any program.
 *
 * @see docs/ARCHITECTURE.md, "Paths"
 */
import fs from 'node:fs';
import { CommandError, pathTextFromBytes } from '@jetstream/contract';
import { DirectoryCache } from './directory-cache.js';
import {
  type DirectoryEntry,
  listDirectory,
  makeDirectoriesBelow,
  O_PATH,
} from './directory-steps.js';
import { diskError, errnoOf, shownPath } from './disk-error.js';
import { setTimes } from './file-times.js';
import { directoryLiesBelow, moveLocalEntry } from './local-moves.js';
import { type NativeFileSystem, nativeFileSystem } from './native-file-system.js';
import { checkNames, type PathArgument, pathArgument, pathBytes } from './path-argument.js';
import type {
  Components,
  ConfinedRoot,
  ConfinedRootOptions,
  FileOwner,
  Identity,
} from './root-port.js';

const { O_CREAT, O_DIRECTORY, O_NOCTTY, O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = fs.constants;
/** The same number everywhere but on SPARC and Alpha; node:fs sets it by itself. */
const O_CLOEXEC = 0o2000000;

const textOf = (components: Components): string => `/${components.join('/')}`;

const tooShort = (action: string): CommandError =>
  diskError(action, '/', Object.assign(new Error('the root has no name'), { code: 'EISDIR' }));

/** @see the head of this file */
export class LocalRoot implements ConfinedRoot {
  readonly userId = process.geteuid?.() ?? 0;
  readonly #rootFd: number;
  readonly #open: boolean;
  readonly #native: NativeFileSystem | null;
  readonly #directories: DirectoryCache;

  private constructor(rootFd: number, open: boolean, options: ConfinedRootOptions) {
    this.#rootFd = rootFd;
    this.#open = open;
    this.#native = options.native === undefined ? nativeFileSystem() : options.native;
    this.#directories = new DirectoryCache(options.directoriesMax ?? 0);
  }

  /**
   * Opens a root by its absolute directory, which may itself be reached through links.
   *
   * @throws {CommandError} If it is missing, no directory, or not accessible.
   */
  static open(absoluteDirectory: string, options: ConfinedRootOptions = {}): LocalRoot {
    if (!absoluteDirectory.startsWith('/')) {
      throw new CommandError(
        'path_invalid',
        `Cannot use the root ${shownPath(absoluteDirectory)}: expected an absolute directory`,
      );
    }
    try {
      const fd = fs.openSync(pathArgument(absoluteDirectory), O_PATH | O_DIRECTORY);
      return new LocalRoot(fd, /^\/+$/.test(absoluteDirectory), options);
    } catch (error) {
      throw diskError('open', absoluteDirectory, error);
    }
  }

  within(components: Components): LocalRoot {
    const options = { native: this.#native, directoriesMax: 0 };
    return new LocalRoot(this.#openDirectoryFd(components), false, options);
  }

  openFile(components: Components, flags: number, mode = 0): number {
    const safe = flags | O_NONBLOCK | O_NOCTTY;
    const mayFollow = (flags & (O_NOFOLLOW | O_CREAT)) === 0;
    if (components.length === 0) throw tooShort('open');
    if (!this.#open && this.#native !== null && mayFollow) {
      return this.#beneath(components, safe);
    }
    return this.#onEntry('open', components, (path) =>
      fs.openSync(path, this.#open && mayFollow ? safe : safe | O_NOFOLLOW, mode),
    );
  }

  openDirectory(components: Components): number {
    return this.#withDirectory(components, (fd) => {
      try {
        return fs.openSync(`/proc/self/fd/${fd}`, O_RDONLY | O_DIRECTORY);
      } catch (error) {
        throw diskError('open', textOf(components), error);
      }
    });
  }

  lstat(components: Components): fs.BigIntStats {
    if (components.length === 0) return fs.fstatSync(this.#rootFd, { bigint: true });
    return this.#onEntry('examine', components, (path) => fs.lstatSync(path, { bigint: true }));
  }

  stat(components: Components): fs.BigIntStats {
    if (components.length === 0) return fs.fstatSync(this.#rootFd, { bigint: true });
    if (this.#open) {
      return this.#onEntry('examine', components, (path) => fs.statSync(path, { bigint: true }));
    }
    if (this.#native === null) return this.lstat(components);
    const fd = this.#beneath(components, O_PATH);
    try {
      return fs.fstatSync(fd, { bigint: true });
    } finally {
      fs.closeSync(fd);
    }
  }

  exists(components: Components): boolean {
    try {
      this.lstat(components);
      return true;
    } catch (error) {
      if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return false;
      throw error;
    }
  }

  accessible(components: Components, mode: number): boolean {
    const fd =
      components.length === 0
        ? this.#openDirectoryFd(components)
        : this.#onEntry('examine', components, (path) => fs.openSync(path, O_PATH | O_NOFOLLOW));
    try {
      fs.accessSync(`/proc/self/fd/${fd}`, mode);
      return true;
    } catch {
      return false;
    } finally {
      fs.closeSync(fd);
    }
  }

  makeDirectory(components: Components, mode = 0o777): void {
    this.#onEntry('make the directory', components, (path) => fs.mkdirSync(path, { mode }));
  }

  makeDirectories(components: Components, mode = 0o777): number {
    const present = this.#presentDirectories(components);
    const missing = components.slice(present.length);
    try {
      makeDirectoriesBelow(present.fd, missing, mode);
    } catch (error) {
      throw diskError('make the directory', textOf(components), error);
    }
    return missing.length;
  }

  *readDirectory(components: Components): Generator<DirectoryEntry, void, undefined> {
    try {
      yield* this.#withDirectory(components, listDirectory);
    } catch (error) {
      throw diskError('list', textOf(components), error);
    }
  }

  readLink(components: Components): string {
    return this.#onEntry('read the link', components, (path) =>
      pathTextFromBytes(fs.readlinkSync(path, { encoding: 'buffer' })),
    );
  }

  makeLink(components: Components, content: string, owner?: FileOwner): void {
    this.#onEntry('make the link', components, (path) => {
      fs.symlinkSync(pathArgument(content), path);
      if (owner !== undefined && this.userId === 0) fs.lchownSync(path, owner.uid, owner.gid);
    });
  }

  rename(from: Components, to: Components): void {
    this.#onEntry('rename', from, (fromPath) =>
      this.#onEntry('rename', to, (toPath) => fs.renameSync(fromPath, toPath)),
    );
  }

  renameNoReplace(from: Components, to: Components): void {
    if (this.#native !== null && this.#renameByKernel(this.#native, from, to)) return;
    this.link(from, to);
    this.unlink(from);
  }

  moveEntry(name: string, target: ConfinedRoot, targetName: string): void {
    const fd = (target as LocalRoot).#rootFd;
    moveLocalEntry({ fd: this.#rootFd, name }, { fd, name: targetName }, this.#native);
  }

  link(from: Components, to: Components): void {
    this.#onEntry('link', from, (fromPath) =>
      this.#onEntry('link', to, (toPath) => fs.linkSync(fromPath, toPath)),
    );
  }

  unlink(components: Components): void {
    this.#onEntry('remove', components, (path) => fs.unlinkSync(path));
  }

  rmdir(components: Components): void {
    this.#onEntry('remove', components, (path) => fs.rmdirSync(path));
    this.#directories.drop(components.join('/'));
  }

  liesBelow(above: Identity): boolean {
    return directoryLiesBelow(this.#rootFd, above);
  }

  setTimes(fd: number, mtimeus: number): void {
    setTimes(fd, mtimeus);
  }

  setMode(fd: number, mode: number): void {
    fs.fchmodSync(fd, mode);
  }

  setOwner(fd: number, { uid, gid }: FileOwner): void {
    fs.fchownSync(fd, uid, gid);
  }

  close(): void {
    this.#directories.clear();
    fs.closeSync(this.#rootFd);
  }

  /** Calls `use` with a path that means `components` to node:fs and nothing else. */
  #onEntry<T>(action: string, components: Components, use: (path: PathArgument) => T): T {
    const name = components.at(-1);
    if (name === undefined) throw tooShort(action);
    checkNames(components);
    try {
      if (this.#open) return use(pathArgument(textOf(components)));
      return this.#withDirectory(components.slice(0, -1), (fd) =>
        use(pathArgument(`/proc/self/fd/${fd}/${name}`)),
      );
    } catch (error) {
      throw diskError(action, textOf(components), error);
    }
  }

  /** False where the file system cannot promise it. */
  #renameByKernel(native: NativeFileSystem, from: Components, to: Components): boolean {
    checkNames([...from, ...to]);
    const names = [pathBytes(from.at(-1) ?? ''), pathBytes(to.at(-1) ?? '')] as const;
    return this.#withDirectory(from.slice(0, -1), (fromFd) =>
      this.#withDirectory(to.slice(0, -1), (toFd) => {
        try {
          native.renameNoReplace(fromFd, names[0], toFd, names[1]);
          return true;
        } catch (error) {
          if (errnoOf(error) === 'EINVAL') return false;
          throw diskError('rename', textOf(to), error);
        }
      }),
    );
  }

  #withDirectory<T>(components: Components, use: (fd: number) => T): T {
    if (components.length === 0) return use(this.#rootFd);
    if (this.#directories.capacity === 0) {
      const fd = this.#openDirectoryFd(components);
      try {
        return use(fd);
      } finally {
        fs.closeSync(fd);
      }
    }
    const key = components.join('/');
    const cached = this.#directories.get(key);
    if (cached !== undefined) {
      try {
        return use(cached);
      } catch (error) {
        // The cached directory may have been removed and made anew.
        if (errnoOf(error) !== 'ENOENT') throw error;
        this.#directories.drop(key);
      }
    }
    return use(this.#directories.add(key, this.#openDirectoryFd(components)));
  }

  #openDirectoryFd(components: Components): number {
    checkNames(components);
    try {
      if (components.length === 0) {
        return fs.openSync(`/proc/self/fd/${this.#rootFd}`, O_PATH | O_DIRECTORY);
      }
      if (this.#open) {
        return fs.openSync(pathArgument(textOf(components)), O_PATH | O_DIRECTORY);
      }
    } catch (error) {
      throw diskError('open', textOf(components), error);
    }
    if (this.#native !== null) return this.#beneath(components, O_PATH | O_DIRECTORY);
    return this.#walk(components);
  }

  /** Descriptor of the deepest directory on the way that exists, and how deep it lies. */
  #presentDirectories(components: Components): { fd: number; length: number } {
    let missing = components.length + 1;
    let present = -1;
    let fd = -1;
    // Mostly all or all but one exist; else halving keeps the way short.
    for (let probe = components.length; missing - present > 1; ) {
      try {
        const found = this.#openDirectoryFd(components.slice(0, probe));
        if (fd !== -1) fs.closeSync(fd);
        fd = found;
        present = probe;
      } catch (error) {
        if (errnoOf(error) !== 'ENOENT' || probe === 0) {
          if (fd !== -1) fs.closeSync(fd);
          throw error;
        }
        missing = probe;
      }
      probe = probe === components.length && probe > 0 ? probe - 1 : (present + missing) >> 1;
    }
    return { fd, length: present };
  }

  #beneath(components: Components, flags: number): number {
    checkNames(components);
    const path = pathBytes(components.join('/'));
    try {
      return (this.#native as NativeFileSystem).openBeneath(
        this.#rootFd,
        path,
        flags | O_CLOEXEC,
        0,
      );
    } catch (error) {
      throw diskError('open', textOf(components), error);
    }
  }

  #walk(components: Components): number {
    let fd = this.#rootFd;
    for (const name of components) {
      const path = pathArgument(`/proc/self/fd/${fd}/${name}`);
      let next: number;
      try {
        next = fs.openSync(path, O_PATH | O_DIRECTORY | O_NOFOLLOW);
      } catch (error) {
        throw diskError('open', textOf(components), this.#whyNotWalked(path, error));
      } finally {
        if (fd !== this.#rootFd) fs.closeSync(fd);
      }
      fd = next;
    }
    return fd;
  }

  /** The kernel says ENOTDIR for a link too; the caller should hear about the link. */
  #whyNotWalked(path: PathArgument, error: unknown): unknown {
    if (errnoOf(error) !== 'ENOTDIR') return error;
    const isLink = fs.lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true;
    return isLink ? Object.assign(new Error('link in the way'), { code: 'ELOOP' }) : error;
  }
}
