/**
 * A disk that loses what was not synced. It stands between the code and `node:fs`, notes every
 * change below the directories it watches, and can bring them to what a power cut after any change
 * may have left: synced content and names for certain, of the rest some writes (cut or whole, in any
 * order), and of the names in each directory the first few changes.
 *
 * A file keeps its inode, and the time of its last change counts changes: both as `stat` tells them,
 * also after the crash.
 *
 * Names are durable when their directory is synced, content when the file is: no kindness of a
 * particular file system is counted on.
 */
import type realFs from 'node:fs';
import path from 'node:path';

type Fs = typeof realFs;

/** Something on the disk: a file, or a directory with its names. */
interface Thing {
  readonly isDirectory: boolean;
  /** Content when the watch began. */
  readonly content: Buffer;
  readonly mtimeMs: number;
  readonly names: ReadonlyMap<string, number>;
  readonly inode: Inode;
}

interface Inode {
  readonly number: number;
  /** Changes of the disk before the last one of this file. */
  readonly changedAt: number;
}

type Change =
  | { readonly kind: 'write'; readonly thing: number; readonly at: number; readonly bytes: Buffer }
  | { readonly kind: 'size'; readonly thing: number; readonly size: number }
  | { readonly kind: 'time'; readonly thing: number; readonly mtimeMs: number }
  | { readonly kind: 'name'; readonly thing: number; readonly set: NameSet }
  | { readonly kind: 'sync'; readonly thing: number; readonly upTo: number };

/** Changes of names in one directory that happen at once: a rename is two of them. */
type NameSet = readonly (readonly [name: string, thing: number | null])[];

/** Numbers from 0 to 1. */
export type Chance = () => number;

/** @see the head of this file */
export class CrashDisk {
  readonly #fs: Fs;
  #roots: readonly string[] = [];
  #things: Thing[] = [];
  #changes: Change[] = [];
  /** Absolute path of everything as the running code sees it. */
  readonly #seen = new Map<string, number>();
  readonly #open = new Map<number, number>();
  /** By absolute path: inodes of files that were there before the watch began. */
  readonly #inodes = new Map<string, Inode>();
  #inodesMade = 0;
  /** Changes in earlier watches. */
  #changesBefore = 0;

  constructor(fs: Fs) {
    this.#fs = fs;
  }

  /** Changes so far: the points at which the power may fail. */
  get changes(): number {
    return this.#changes.length;
  }

  /** Takes what lies below the roots as durable and watches from here on. */
  watch(roots: readonly string[]): void {
    for (const [full, thing] of this.#seen) this.#inodes.set(full, this.#inode(thing));
    this.#changesBefore += this.changes;
    this.#roots = roots;
    this.#things = [];
    this.#changes = [];
    this.#seen.clear();
    this.#open.clear();
    for (const root of roots) this.#learn(root);
  }

  unwatch(): void {
    this.#roots = [];
  }

  /** Leaves below the roots what a power cut after so many changes might. */
  crash(after: number, chance: Chance): void {
    const roots = this.#roots.map((root) => [root, this.#seen.get(root) ?? -1] as const);
    const past = this.#changes.slice(0, after);
    this.unwatch();
    this.#inodes.clear();
    for (const [root, thing] of roots) {
      this.#fs.rmSync(root, { recursive: true, force: true });
      this.#restore(root, { thing, past, chance });
    }
    this.#changesBefore += this.changes;
    this.#changes = [];
    this.#seen.clear();
  }

  /** `node:fs` as the watched code gets it. */
  watched(): Fs {
    const fs = this.#fs;
    const changed = {
      openSync: (at: realFs.PathLike, flags: number | string, mode?: realFs.Mode) => {
        const full = this.#resolve(at);
        const fd = fs.openSync(at, flags, mode);
        this.#opened(full, fd, flags);
        return fd;
      },
      closeSync: (fd: number) => {
        this.#open.delete(fd);
        fs.closeSync(fd);
      },
      writeSync: (fd: number, bytes: Buffer, from = 0, length?: number, position?: number) => {
        const count = fs.writeSync(fd, bytes, from, length ?? bytes.length - from, position);
        const thing = this.#open.get(fd);
        if (thing === undefined) return count;
        const written = Buffer.from(bytes.subarray(from, from + count));
        this.#note({ kind: 'write', thing, at: position ?? this.#size(thing), bytes: written });
        return count;
      },
      ftruncateSync: (fd: number, size = 0) => {
        fs.ftruncateSync(fd, size);
        this.#noteOpen(fd, (thing) => ({ kind: 'size', thing, size }));
      },
      futimesSync: (fd: number, atime: realFs.TimeLike, mtime: realFs.TimeLike) => {
        fs.futimesSync(fd, atime, mtime);
        const { mtimeMs } = fs.fstatSync(fd);
        this.#noteOpen(fd, (thing) => ({ kind: 'time', thing, mtimeMs }));
      },
      lstatSync: (at: realFs.PathLike, options?: realFs.StatSyncOptions) => {
        const full = this.#resolve(at);
        return this.#shown(fs.lstatSync(at, options), full === null ? null : this.#seen.get(full));
      },
      fstatSync: (fd: number, options?: realFs.StatOptions) =>
        this.#shown(fs.fstatSync(fd, options), this.#open.get(fd)),
      fsyncSync: (fd: number) => this.#synced(fd, () => fs.fsyncSync(fd)),
      fsync: (fd: number, done: realFs.NoParamCallback) => this.#syncing(fd, done),
      fdatasync: (fd: number, done: realFs.NoParamCallback) => this.#syncing(fd, done),
      mkdirSync: (at: realFs.PathLike, options?: realFs.MakeDirectoryOptions) => {
        const full = this.#resolve(at);
        const made = fs.mkdirSync(at, options);
        const missing: string[] = [];
        for (let up = full; up !== null && !this.#seen.has(up); up = this.#parentOf(up)) {
          missing.unshift(up);
        }
        for (const each of missing) this.#make(each, true);
        return made;
      },
      renameSync: (from: realFs.PathLike, to: realFs.PathLike) => {
        const [source, target] = [this.#resolve(from), this.#resolve(to)];
        fs.renameSync(from, to);
        if (source !== null && target !== null) this.#rename(source, target);
      },
      linkSync: (from: realFs.PathLike, to: realFs.PathLike) => {
        const [source, target] = [this.#resolve(from), this.#resolve(to)];
        fs.linkSync(from, to);
        const thing = source === null ? undefined : this.#seen.get(source);
        if (target !== null && thing !== undefined) this.#name(target, thing);
      },
      unlinkSync: (at: realFs.PathLike) => this.#removing(at, () => fs.unlinkSync(at)),
      rmdirSync: (at: realFs.PathLike) => this.#removing(at, () => fs.rmdirSync(at)),
    };
    return { ...fs, ...changed } as unknown as Fs;
  }

  #learn(full: string): number {
    const stat = this.#fs.lstatSync(full);
    const isDirectory = stat.isDirectory();
    const names = new Map<string, number>();
    const inode = this.#inodes.get(full) ?? this.#newInode();
    const content = isDirectory ? Buffer.alloc(0) : this.#fs.readFileSync(full);
    const { mtimeMs } = stat;
    const thing = this.#things.push({ isDirectory, content, mtimeMs, names, inode }) - 1;
    this.#seen.set(full, thing);
    for (const name of isDirectory ? this.#fs.readdirSync(full) : []) {
      names.set(name, this.#learn(path.join(full, name)));
    }
    return thing;
  }

  /** Absolute path when it is watched; names relative to a descriptor are looked up. */
  #resolve(at: realFs.PathLike): string | null {
    if (this.#roots.length === 0) return null;
    const text = String(at);
    const relative = /^\/proc\/self\/fd\/(\d+)(.*)$/s.exec(text);
    const full =
      relative === null
        ? path.resolve(text)
        : path.normalize(this.#fs.readlinkSync(`/proc/self/fd/${relative[1]}`) + relative[2]);
    const isWatched = this.#roots.some((root) => full === root || full.startsWith(`${root}/`));
    return isWatched ? full : null;
  }

  #parentOf(full: string): string | null {
    return this.#roots.includes(full) ? null : path.dirname(full);
  }

  #opened(full: string | null, fd: number, flags: number | string): void {
    if (full === null) return;
    let thing = this.#seen.get(full);
    if (thing === undefined) thing = this.#make(full, false);
    this.#open.set(fd, thing);
    if (typeof flags === 'string' && flags.startsWith('w')) {
      this.#note({ kind: 'size', thing, size: 0 });
    }
  }

  #make(full: string, isDirectory: boolean): number {
    const inode = this.#newInode();
    const empty = { isDirectory, content: Buffer.alloc(0), mtimeMs: 0, names: new Map(), inode };
    const thing = this.#things.push(empty) - 1;
    this.#name(full, thing);
    return thing;
  }

  #name(full: string, thing: number): void {
    this.#seen.set(full, thing);
    this.#noteNames(path.dirname(full), [[path.basename(full), thing]]);
  }

  #noteNames(directory: string, set: NameSet): void {
    const thing = this.#seen.get(directory);
    if (thing !== undefined) this.#note({ kind: 'name', thing, set });
  }

  #rename(source: string, target: string): void {
    const thing = this.#seen.get(source);
    if (thing === undefined) return;
    for (const [full, each] of [...this.#seen]) {
      if (full !== source && !full.startsWith(`${source}/`)) continue;
      this.#seen.delete(full);
      this.#seen.set(target + full.slice(source.length), each);
    }
    const [from, to] = [path.dirname(source), path.dirname(target)];
    const gone = [path.basename(source), null] as const;
    const here = [path.basename(target), thing] as const;
    if (from === to) {
      this.#noteNames(from, [gone, here]);
    } else {
      this.#noteNames(to, [here]);
      this.#noteNames(from, [gone]);
    }
  }

  #removing(at: realFs.PathLike, act: () => void): void {
    const full = this.#resolve(at);
    act();
    if (full === null) return;
    this.#seen.delete(full);
    this.#noteNames(path.dirname(full), [[path.basename(full), null]]);
  }

  #note(change: Change): void {
    if (this.#roots.length > 0) this.#changes.push(change);
  }

  #noteOpen(fd: number, change: (thing: number) => Change): void {
    const thing = this.#open.get(fd);
    if (thing !== undefined) this.#note(change(thing));
  }

  #synced(fd: number, act: () => void): void {
    act();
    const upTo = this.changes;
    this.#noteOpen(fd, (thing) => ({ kind: 'sync', thing, upTo }));
  }

  /** What comes between the call and its end is not promised. */
  #syncing(fd: number, done: realFs.NoParamCallback): void {
    const upTo = this.changes;
    const thing = this.#open.get(fd);
    setImmediate(() => {
      if (thing !== undefined) this.#note({ kind: 'sync', thing, upTo });
      done(null);
    });
  }

  #newInode(): Inode {
    this.#inodesMade += 1;
    return { number: this.#inodesMade, changedAt: this.#changesBefore + this.changes };
  }

  #inode(thing: number): Inode {
    const { inode } = this.#things[thing] as Thing;
    const last = this.#changes.findLastIndex(
      (change) => change.thing === thing && change.kind !== 'sync',
    );
    return last < 0 ? inode : { ...inode, changedAt: this.#changesBefore + last };
  }

  /** A status with the inode of the thing that is watched, if it is. */
  #shown<Stat>(stat: Stat, thing: number | null | undefined): Stat {
    if (
      thing === undefined ||
      thing === null ||
      !(stat instanceof Object) ||
      !('ctimeNs' in stat)
    ) {
      return stat;
    }
    const { number, changedAt } = this.#inode(thing);
    return Object.assign(stat, { ino: BigInt(number), ctimeNs: BigInt(changedAt) });
  }

  #size(thing: number): number {
    let size = this.#things[thing]?.content.length ?? 0;
    for (const change of this.#changes) {
      if (change.thing !== thing) continue;
      if (change.kind === 'size') ({ size } = change);
      if (change.kind === 'write') size = Math.max(size, change.at + change.bytes.length);
    }
    return size;
  }

  #restore(full: string, cut: { thing: number; past: readonly Change[]; chance: Chance }): void {
    const { thing, past, chance } = cut;
    const before = this.#things[thing];
    if (before === undefined) return;
    let safe = 0;
    for (const change of past) {
      if (change.kind === 'sync' && change.thing === thing) safe = Math.max(safe, change.upTo);
    }
    if (!before.isDirectory) {
      const kept = this.#kept({ thing, past, chance, safe });
      this.#restoreFile(full, before, kept);
      const last = past.findLastIndex((change) => kept.includes(change));
      const changedAt = last < 0 ? before.inode.changedAt : this.#changesBefore + last;
      this.#inodes.set(full, { ...before.inode, changedAt });
      return;
    }
    this.#fs.mkdirSync(full);
    const names = new Map(before.names);
    for (const [index, change] of past.entries()) {
      if (change.kind !== 'name' || change.thing !== thing) continue;
      // Changes of one directory keep their order, so the first that is lost is the last kept.
      if (index >= safe && chance() < 0.3) break;
      for (const [name, what] of change.set) {
        if (what === null) names.delete(name);
        else names.set(name, what);
      }
    }
    for (const [name, what] of names) {
      this.#restore(path.join(full, name), { ...cut, thing: what });
    }
  }

  /** Changes of a file that survive; a write may be cut. */
  #kept(cut: { thing: number; past: readonly Change[]; chance: Chance; safe: number }): Change[] {
    const kept: Change[] = [];
    for (const [index, change] of cut.past.entries()) {
      if (change.thing !== cut.thing) continue;
      if (index < cut.safe) {
        kept.push(change);
      } else if (cut.chance() < 0.5) {
        const isCut = change.kind === 'write' && cut.chance() < 0.3;
        const end = isCut ? Math.floor(change.bytes.length * cut.chance()) : 0;
        kept.push(isCut ? { ...change, bytes: change.bytes.subarray(0, end) } : change);
      }
    }
    return kept;
  }

  #restoreFile(full: string, before: Thing, kept: readonly Change[]): void {
    const fd = this.#fs.openSync(full, 'w+', 0o600);
    let { mtimeMs } = before;
    if (before.content.length > 0) this.#fs.writeSync(fd, before.content);
    for (const change of kept) {
      if (change.kind === 'write' && change.bytes.length > 0) {
        this.#fs.writeSync(fd, change.bytes, 0, change.bytes.length, change.at);
      }
      if (change.kind === 'size') this.#fs.ftruncateSync(fd, change.size);
      if (change.kind === 'time') ({ mtimeMs } = change);
    }
    if (mtimeMs > 0) this.#fs.futimesSync(fd, mtimeMs / 1000, mtimeMs / 1000);
    this.#fs.closeSync(fd);
  }
}
