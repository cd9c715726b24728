/**
 * The files of a transfer that is received. Content goes into part files, hidden beside the final
 * names; the modes "in place" write under the final names at once. Everything goes through a
 * {@link ConfinedRoot}. Errors are `CommandError`s that concern one file, or `StorageError`s that
 * concern them all.
 */
import fs from 'node:fs';
import {
  CommandError,
  OVERWRITE_IN_PLACE_ALWAYS,
  OVERWRITE_IN_PLACE_SAME_SIZE,
} from '@jetstream/contract';
import { WIRE_KIND } from '@jetstream/transport';
import type { ConfinedRoot } from '../adapters/disk/confined-root.js';
import { diskError, errnoOf, shownPath } from '../adapters/disk/disk-error.js';
import { ENTRY, type EntryTable } from './entry-table.js';
import { setPermissions } from './file-mode.js';
import { inPlaceFault } from './in-place.js';
import { OPEN_FILES_MAX } from './limits.js';
import { StorageError } from './storage.js';
import { isLinkTo, linkModeOf, makeLink } from './target-links.js';
import { TargetNames } from './target-names.js';
import { endsTransfer, notThere } from './transfer-faults.js';

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_RDONLY, O_RDWR } = fs.constants;
/** Bits that the owner needs to write content and to read it back. */
const OWNER_BITS = 0o600;
const OWN_SHORTAGE = new Set(['EMFILE', 'ENFILE', 'ENOMEM']);

export interface TargetFilesOptions {
  readonly root: ConfinedRoot;
  /** False when the root is the whole file system, which nothing leads out of. */
  readonly isConfined: boolean;
  readonly table: EntryTable;
  /** Validated components below the root under which everything goes. */
  readonly components: readonly string[];
  readonly overwriteMode: number;
  readonly partPrefix: string;
  /** A file under its final name now belongs to this transfer. */
  begunInPlace(index: number): void;
}

/** What was touched since the last checkpoint; directories by their joined components. */
export interface DirtyFiles {
  readonly files: Set<number>;
  readonly directories: Set<string>;
}

interface Place {
  readonly directory: readonly string[];
  readonly final: readonly string[];
  /** Where content is written. */
  readonly work: readonly string[];
}

/** @see the head of this file */
export class TargetFiles {
  readonly inPlace: boolean;
  readonly #options: TargetFilesOptions;
  readonly #names: TargetNames;
  readonly #fds = new Map<number, number>();
  #dirty: DirtyFiles = { files: new Set(), directories: new Set() };
  #last: { text: string; directory: readonly string[] };

  constructor(options: TargetFilesOptions) {
    this.#options = options;
    this.#last = { text: '', directory: options.components };
    this.inPlace = options.overwriteMode <= OVERWRITE_IN_PLACE_SAME_SIZE;
    this.#names = new TargetNames({ root: options.root, published: () => this.#published() });
  }

  get root(): ConfinedRoot {
    return this.#options.root;
  }

  /** Hands over what is to be synced and starts anew. */
  takeDirty(): DirtyFiles {
    const dirty = this.#dirty;
    this.#dirty = { files: new Set(), directories: new Set() };
    return dirty;
  }

  /** As {@link takeDirty}, directories only: content that came meanwhile can wait. */
  takeDirtyDirectories(): DirtyFiles {
    const { directories } = this.#dirty;
    this.#dirty = { files: this.#dirty.files, directories: new Set() };
    return { files: new Set(), directories };
  }

  /** The last `made` directories of a path are new: durable when the ones above them are synced. */
  noteMade(components: readonly string[], made: number): void {
    for (let above = 1; above <= made; above += 1) {
      this.#dirty.directories.add(components.slice(0, -above).join('/'));
    }
  }

  /** Writes a piece of a file's content. */
  write(index: number, offset: number, piece: Uint8Array): void {
    const { table } = this.#options;
    this.#guard(index, () => {
      if (piece.length < table.size(index)) {
        this.#writeAll(this.#held(index), offset, piece);
      } else {
        // A small file comes whole: it is finished here and needs no second visit.
        const fd = this.#openForWriting(index);
        try {
          this.#writeAll(fd, 0, piece);
          this.#finishContent(index, fd);
        } finally {
          fs.closeSync(fd);
        }
      }
    });
    this.#dirty.files.add(index);
  }

  /** Fills `into` with what was written. */
  read(index: number, offset: number, into: Buffer): void {
    const { table } = this.#options;
    const whole = into.length === table.size(index);
    this.#guard(index, () => {
      const fd = whole ? this.openForReading(index) : this.#held(index);
      try {
        for (let done = 0; done < into.length; ) {
          const read = fs.readSync(fd, into, done, into.length - done, offset + done);
          if (read === 0) throw new Error('the part file is too short');
          done += read;
        }
      } finally {
        if (whole) fs.closeSync(fd);
      }
    });
  }

  /** Brings an entry into its final form, only for its name; synced afterwards. */
  prepare(index: number): void {
    const { table, root } = this.#options;
    this.#guard(index, () => {
      if (table.kind(index) === WIRE_KIND.directory) {
        this.#prepareDirectory(index);
      } else if (table.kind(index) === WIRE_KIND.link) {
        this.#prepareLink(index);
      } else if (table.size(index) === 0) {
        fs.closeSync(this.#finishContent(index, this.#openForWriting(index)));
        this.#dirty.files.add(index);
      } else if (!table.is(index, ENTRY.sealed)) {
        this.#finishContent(index, this.#held(index));
        this.#dirty.files.add(index);
      }
      // Such a file may be out of reach afterwards, even for us.
      if (table.kind(index) === WIRE_KIND.file && !this.#isOwnerMode(index)) {
        setPermissions(root, this.#held(index), table.mode(index));
      }
    });
    this.#release(index);
  }

  /** Gives the content its final name, as the overwrite mode says. */
  publish(index: number): void {
    const { table, overwriteMode, root } = this.#options;
    const kind = table.kind(index);
    const isLink = kind === WIRE_KIND.link;
    if (kind === WIRE_KIND.directory || (this.inPlace && !isLink)) return;
    const { directory, final, work } = this.place(index);
    if (isLink && isLinkTo(root, final, table.linkText(index))) {
      root.unlink(work);
    } else {
      this.#names.publish(work, final, isLink ? linkModeOf(overwriteMode) : overwriteMode);
    }
    this.#dirty.directories.add(directory.join('/'));
  }

  /** Removes the part file, if there is one; what is written in place stays. */
  remove(index: number): void {
    const { table, root } = this.#options;
    this.#release(index);
    this.#dirty.files.delete(index);
    const kind = table.kind(index);
    if (kind === WIRE_KIND.directory || (this.inPlace && kind === WIRE_KIND.file)) return;
    try {
      root.unlink(this.place(index).work);
    } catch {
      // It was never made, or the disk refuses: nothing depends on its absence.
    }
  }

  /** Components of a file's final and working names. */
  place(index: number): Place {
    const { table, components, partPrefix } = this.#options;
    const path = table.pathText(index);
    const slash = path.lastIndexOf('/');
    const text = slash < 0 ? '' : path.slice(0, slash);
    if (text !== this.#last.text) {
      const below = text === '' ? [] : text.split('/');
      this.#last = { text, directory: [...components, ...below] };
    }
    const { directory } = this.#last;
    const final = path === '' ? components : [...directory, path.slice(slash + 1)];
    const isFinal = this.inPlace && table.kind(index) !== WIRE_KIND.link;
    const work = isFinal ? final : [...directory, `${partPrefix}${index}`];
    return { directory, final, work };
  }

  /** A descriptor of its own on the file's content; the caller closes it. */
  openForReading(index: number): number {
    const { root } = this.#options;
    return root.openFile(this.place(index).work, O_RDONLY | O_NOFOLLOW);
  }

  close(): void {
    for (const fd of this.#fds.values()) fs.closeSync(fd);
    this.#fds.clear();
    this.#options.root.close();
  }

  /** Whether a part file that the journal counts on is there, ours, and long enough. */
  holds(index: number, bytes: number): boolean {
    const { root } = this.#options;
    try {
      const stat = root.lstat(this.place(index).work);
      return this.#isOwn(stat) && stat.size >= BigInt(bytes);
    } catch (error) {
      return notThere(error);
    }
  }

  /** Whether the final name shows what this transfer wrote: the rename before a crash was done. */
  isPublished(index: number): boolean {
    const { root, table } = this.#options;
    try {
      const stat = root.lstat(this.place(index).final);
      const isTime = Math.abs(Number(stat.mtimeNs / 1000n) - table.mtimeus(index)) <= 1;
      return stat.isFile() && stat.size === BigInt(table.size(index)) && isTime;
    } catch (error) {
      return notThere(error);
    }
  }

  #prepareDirectory(index: number): void {
    const { table, root } = this.#options;
    const { final } = this.place(index);
    const made = root.makeDirectories(final);
    this.noteMade(final, made);
    // One that was there is somebody's, and stays as it is.
    if (made === 0) return;
    const fd = root.openDirectory(final);
    try {
      root.setTimes(fd, table.mtimeus(index));
      setPermissions(root, fd, table.mode(index));
    } finally {
      fs.closeSync(fd);
    }
  }

  #prepareLink(index: number): void {
    const { table, root } = this.#options;
    const { directory, work } = this.place(index);
    this.noteMade(directory, root.makeDirectories(directory));
    makeLink(root, work, { text: table.linkText(index), isConfined: this.#options.isConfined });
    table.set(index, ENTRY.begun);
    this.#dirty.directories.add(directory.join('/'));
  }

  #isOwnerMode(index: number): boolean {
    return (this.#options.table.mode(index) & OWNER_BITS) === OWNER_BITS;
  }

  *#published(): Generator<string> {
    const { table } = this.#options;
    for (let index = 0; index < table.length; index += 1) {
      if (table.is(index, ENTRY.published)) yield this.place(index).final.join('/');
    }
  }

  /** Size, times and mode; returns the descriptor. */
  #finishContent(index: number, fd: number): number {
    const { table, root } = this.#options;
    // A part file is never longer than what was written to it.
    if (this.inPlace && fs.fstatSync(fd).size !== table.size(index)) {
      fs.ftruncateSync(fd, table.size(index));
    }
    root.setTimes(fd, table.mtimeus(index));
    if (this.#isOwnerMode(index)) setPermissions(root, fd, table.mode(index));
    table.set(index, ENTRY.sealed);
    return fd;
  }

  #writeAll(fd: number, offset: number, piece: Uint8Array): void {
    for (let done = 0; done < piece.length; ) {
      done += fs.writeSync(fd, piece, done, piece.length - done, offset + done);
    }
  }

  #held(index: number): number {
    const held = this.#fds.get(index);
    if (held !== undefined) return held;
    for (const oldest of this.#fds.keys()) {
      if (this.#fds.size < OPEN_FILES_MAX) break;
      this.#release(oldest);
    }
    const fd = this.#openForWriting(index);
    this.#fds.set(index, fd);
    return fd;
  }

  #release(index: number): void {
    const fd = this.#fds.get(index);
    if (fd === undefined) return;
    this.#fds.delete(index);
    fs.closeSync(fd);
  }

  #openForWriting(index: number): number {
    const { root, table } = this.#options;
    const place = this.place(index);
    if (this.inPlace && !table.is(index, ENTRY.begun)) this.#names.claim(place.final);
    if (table.is(index, ENTRY.begun)) {
      const fd = root.openFile(place.work, O_RDWR | O_NOFOLLOW);
      if (this.#isOwn(fs.fstatSync(fd, { bigint: true }))) return fd;
      fs.closeSync(fd);
      throw diskError('write', `/${place.work.join('/')}`, this.#errno('EEXIST'));
    }
    // Nobody else reads a file before it has the mode of its source.
    const mode = OWNER_BITS;
    const fd = this.#create(place, mode) ?? this.#takeExisting(index, place, mode);
    this.#dirty.directories.add(place.directory.join('/'));
    table.set(index, ENTRY.begun);
    if (!this.inPlace) return fd;
    this.#names.probe(place.final);
    this.#options.begunInPlace(index);
    return fd;
  }

  /** Makes the file, and the directories above it when they are missing; null if it exists. */
  #create(place: Place, mode: number): number | null {
    const { root } = this.#options;
    const flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW;
    try {
      return root.openFile(place.work, flags, mode);
    } catch (error) {
      if (errnoOf(error) === 'EEXIST') return null;
      if (errnoOf(error) !== 'ENOENT') throw error;
    }
    this.noteMade(place.directory, root.makeDirectories(place.directory));
    return root.openFile(place.work, flags, mode);
  }

  #takeExisting(index: number, place: Place, mode: number): number {
    const { root, table, overwriteMode } = this.#options;
    const taken = diskError('create', `/${place.work.join('/')}`, this.#errno('EEXIST'));
    if (!this.inPlace) {
      // Left by an attempt that broke before its first checkpoint: nothing in it can be trusted.
      if (!this.#isOwn(root.lstat(place.work))) throw taken;
      root.unlink(place.work);
      const fd = this.#create(place, mode);
      if (fd === null) throw taken;
      return fd;
    }
    if (overwriteMode < OVERWRITE_IN_PLACE_ALWAYS) throw taken;
    const fd = root.openFile(place.work, O_RDWR | O_NOFOLLOW);
    const stat = fs.fstatSync(fd, { bigint: true });
    const size = overwriteMode === OVERWRITE_IN_PLACE_ALWAYS ? null : table.size(index);
    const fault = inPlaceFault(stat, size);
    if (fault === null) return fd;
    fs.closeSync(fd);
    const path = shownPath(`/${place.work.join('/')}`);
    throw new CommandError('already_exists', `Cannot write ${path}: ${fault}`);
  }

  #isOwn(stat: fs.BigIntStats): boolean {
    if (this.inPlace) return stat.isFile();
    const isOurs = stat.uid === BigInt(this.#options.root.userId);
    return stat.isFile() && isOurs && stat.nlink === 1n;
  }

  #errno(code: string): Error {
    return Object.assign(new Error(code), { code });
  }

  /** Lets through what concerns one file; what concerns all ends the transfer. */
  #guard(index: number, action: () => void): void {
    try {
      action();
    } catch (error) {
      const path = `/${this.place(index).final.join('/')}`;
      const mapped = diskError('write', path, error);
      const isOwnShortage = OWN_SHORTAGE.has(errnoOf(mapped));
      if (!endsTransfer(mapped.code) && !isOwnShortage) throw mapped;
      throw new StorageError(mapped.code, mapped.message, { cause: error });
    }
  }
}
