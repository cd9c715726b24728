/**
 * A copy of a file, a link or a whole tree into another file system, for moves that the kernel
 * cannot do. Modes, times and, where allowed, owners go along; holes stay holes. Sockets, pipes and
 * devices are refused, and so is a file that changes meanwhile: a move must lose nothing.
 */
import fs from 'node:fs';
import { CommandError } from '@jetstream/contract';
import type { ConfinedRoot } from '../adapters/disk/confined-root.js';
import { diskError, errnoOf, shownPath } from '../adapters/disk/disk-error.js';
import type { EntryPlace } from '../adapters/disk/move-entry.js';
import type { Report, Steps } from './file-task.js';
import { FILE_LIMITS } from './limits.js';

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_RDONLY, O_WRONLY } = fs.constants;
const MODE_BITS = 0o7777;
const OWNER_ONLY = 0o600;
const OWNER_ONLY_DIRECTORY = 0o700;
const NS_PER_US = 1000n;

/** Only the superuser may give files away; others own what they copy. */
const takeOver = (root: ConfinedRoot, fd: number, status: fs.BigIntStats): void => {
  try {
    root.setOwner(fd, { uid: Number(status.uid), gid: Number(status.gid) });
  } catch (error) {
    if (errnoOf(error) !== 'EPERM') throw error;
  }
  // After the owner, because a change of the owner takes set-user-id away.
  root.setMode(fd, Number(status.mode) & MODE_BITS);
  root.setTimes(fd, Number(status.mtimeNs / NS_PER_US));
};

const hasChanged = (before: fs.BigIntStats, after: fs.BigIntStats): boolean =>
  before.size !== after.size || before.mtimeNs !== after.mtimeNs;

export class TreeCopier {
  readonly #report: Report;
  readonly #buffer = Buffer.allocUnsafeSlow(FILE_LIMITS.writeBytes);
  readonly #zeros = Buffer.alloc(FILE_LIMITS.writeBytes);
  #copied = 0;
  #copiedBytes = 0;

  constructor(report: Report) {
    this.#report = report;
  }

  /** @param way Names from the top of the copy, for messages. */
  *copy(from: EntryPlace, to: EntryPlace, way: readonly string[]): Steps<void> {
    const status = from.directory.lstat([from.name]);
    if (status.isDirectory()) yield* this.#copyDirectory(from, to, { status, way });
    else if (status.isFile()) yield* this.#copyFile(from, to, way);
    else if (status.isSymbolicLink()) this.#copyLink(from, to, status);
    else {
      throw new CommandError(
        'io_error',
        `Cannot move ${shownPath(way.join('/'))} to another file system: it is a socket, pipe or device`,
      );
    }
    this.#copied += 1;
    this.#report({ copied: this.#copied, copiedBytes: this.#copiedBytes });
    yield;
  }

  *#copyDirectory(
    from: EntryPlace,
    to: EntryPlace,
    { status, way }: { status: fs.BigIntStats; way: readonly string[] },
  ): Steps<void> {
    if (way.length > FILE_LIMITS.treeDepthMax) {
      throw new CommandError(
        'io_error',
        `Cannot move ${shownPath(way[0] ?? '')}: directories lie more than ${FILE_LIMITS.treeDepthMax} deep`,
      );
    }
    const source = from.directory.within([from.name]);
    let target: ConfinedRoot | null = null;
    try {
      to.directory.makeDirectory([to.name], OWNER_ONLY_DIRECTORY);
      target = to.directory.within([to.name]);
      for (const { name } of source.readDirectory([])) {
        const inner = { directory: source, name };
        yield* this.copy(inner, { directory: target, name }, [...way, name]);
      }
      const fd = target.openDirectory([]);
      try {
        // Last, because content changes the time and a directory may forbid new names.
        takeOver(target, fd, status);
        fs.fsyncSync(fd);
      } finally {
        fs.closeSync(fd);
      }
    } finally {
      target?.close();
      source.close();
    }
  }

  *#copyFile(from: EntryPlace, to: EntryPlace, way: readonly string[]): Steps<void> {
    const source = from.directory.openFile([from.name], O_RDONLY | O_NOFOLLOW);
    let target = -1;
    try {
      const flags = O_WRONLY | O_CREAT | O_EXCL;
      target = to.directory.openFile([to.name], flags, OWNER_ONLY);
      const before = fs.fstatSync(source, { bigint: true });
      yield* this.#copyContent(source, target, Number(before.size));
      if (hasChanged(before, fs.fstatSync(source, { bigint: true }))) {
        throw new CommandError(
          'conflict',
          `Cannot move ${shownPath(way.join('/'))}: it changed while it was copied to another file system`,
        );
      }
      takeOver(to.directory, target, before);
      fs.fsyncSync(target);
    } catch (error) {
      throw diskError('copy', way.join('/'), error);
    } finally {
      fs.closeSync(source);
      if (target !== -1) fs.closeSync(target);
    }
  }

  *#copyContent(source: number, target: number, size: number): Steps<void> {
    fs.ftruncateSync(target, size);
    let unsynced = 0;
    for (let position = 0; ; ) {
      const length = fs.readSync(source, this.#buffer, 0, this.#buffer.length, position);
      if (length === 0) return;
      const bytes = this.#buffer.subarray(0, length);
      // Nothing but zeros is left out: it reads the same and takes no room.
      if (!bytes.equals(this.#zeros.subarray(0, length))) {
        for (let at = 0; at < length; )
          at += fs.writeSync(target, bytes, at, length - at, position + at);
        unsynced += length;
      }
      if (unsynced >= FILE_LIMITS.syncBytes) {
        fs.fdatasyncSync(target);
        unsynced = 0;
      }
      position += length;
      this.#copiedBytes += length;
      this.#report({ copied: this.#copied, copiedBytes: this.#copiedBytes });
      yield;
    }
  }

  #copyLink(from: EntryPlace, to: EntryPlace, status: fs.BigIntStats): void {
    const content = from.directory.readLink([from.name]);
    const owner = { uid: Number(status.uid), gid: Number(status.gid) };
    to.directory.makeLink([to.name], content, owner);
  }
}
