/** Writes file lists; list-format.ts describes them. */
import fs from 'node:fs';
import path from 'node:path';
import { CommandError } from '@jetstream/contract';
import { diskError } from '../adapters/disk/disk-error.js';
import { syncNames } from '../adapters/disk/sync-names.js';
import { LIST_LINE_BYTES_MAX, TRANSFER_BYTES_MAX, TRANSFER_ENTRIES_MAX } from './limits.js';
import {
  FOOTER_BYTES,
  GROUP_ENTRIES,
  GROUP_RECORD_BYTES,
  groupsPath,
  growingPath,
  headerOf,
  type ManifestEntry,
  type ManifestIndex,
  type ManifestLine,
  type ManifestTotals,
} from './list-format.js';
import { recoverList } from './list-recovery.js';

const FLUSH_CHARS = 256 * 1024;
const LETTERS = { file: 'f', directory: 'd', link: 'l' } as const;

const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;

/** The line of an entry, without its end. */
const textOf = (entry: ManifestEntry, size: number): string => {
  const line: ManifestLine = {
    k: LETTERS[entry.kind],
    r: entry.root,
    s: entry.source,
    d: entry.destPath,
    z: size,
    t: entry.mtimeus,
    m: entry.mode & 0o777,
    ...(entry.link === undefined ? {} : { l: entry.link }),
  };
  const text = JSON.stringify(line);
  // A longer one would not be found again after a restart.
  if (Buffer.byteLength(text) < LIST_LINE_BYTES_MAX) return text;
  throw new CommandError(
    'name_too_long',
    `Cannot add ${JSON.stringify(entry.destPath.slice(0, 200))} to the file list: ` +
      `its line is too long, expected under ${LIST_LINE_BYTES_MAX} bytes`,
  );
};

/** Writes a list; synchronous, for a scan thread. Holds at most about 512 KiB. */
export class ManifestListWriter {
  readonly #path: string;
  /** -1 once it is closed. */
  #fd: number;
  readonly #roots: number;
  #text = '';
  #position = 0;
  #entries = 0;
  #files = 0;
  #bytes = 0;
  readonly #groups: [number, number][] = [];
  /** Groups that readers have been told of, and the file that tells them. */
  #announced = 0;
  #groupsFd = -1;

  private constructor(listPath: string, fd: number, roots: readonly string[]) {
    this.#path = listPath;
    this.#fd = fd;
    this.#roots = roots.length;
  }

  /**
   * Starts a list beside its final name; `finish` gives it the name.
   *
   * @param roots Absolute directories that the sources lie in; `ManifestEntry.root` points here.
   */
  static create(listPath: string, roots: readonly string[]): ManifestListWriter {
    try {
      fs.rmSync(groupsPath(listPath), { force: true });
      const fd = fs.openSync(growingPath(listPath), 'w', 0o600);
      const writer = new ManifestListWriter(listPath, fd, roots);
      writer.#text = headerOf(roots);
      return writer;
    } catch (error) {
      throw diskError('write the file list', path.basename(listPath), error);
    }
  }

  /**
   * Goes on with a list that an earlier run of the server has begun: all that was announced is in it.
   *
   * @param known Called with each entry that is there.
   */
  static resume(
    listPath: string,
    roots: readonly string[],
    known: (entry: ManifestEntry) => void,
  ): ManifestListWriter {
    let fd = -1;
    try {
      fd = fs.openSync(growingPath(listPath), 'r+');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
        throw diskError('read the file list', path.basename(listPath), error);
      }
      return ManifestListWriter.create(listPath, roots);
    }
    const writer = new ManifestListWriter(listPath, fd, roots);
    try {
      writer.#recover(headerOf(roots), known);
      writer.announce();
    } catch (error) {
      writer.#close();
      throw diskError('read the file list', path.basename(listPath), error);
    }
    return writer;
  }

  #recover(header: string, known: (entry: ManifestEntry) => void): void {
    const end = recoverList(this.#fd, header, (entry, position) => {
      if (this.#entries % GROUP_ENTRIES === 0) this.#groups.push([position, this.#bytes]);
      this.#count(entry);
      known(entry);
    });
    fs.ftruncateSync(this.#fd, end);
    this.#position = end;
    if (end === 0) this.#text = header;
  }

  /** Entries so far. */
  get totals(): ManifestTotals {
    return { entries: this.#entries, files: this.#files, bytes: this.#bytes };
  }

  /**
   * Adds an entry. Order is the order of the linear space.
   *
   * @throws {CommandError} If a limit is passed, the disk is full, or the entry makes no sense.
   */
  append(entry: ManifestEntry): void {
    const size = entry.kind === 'file' ? entry.size : 0;
    if (!isCount(size) || !Number.isSafeInteger(entry.mtimeus) || !(entry.root < this.#roots)) {
      throw new CommandError(
        'internal',
        `Cannot add ${JSON.stringify(entry.destPath)} to the file list: ` +
          `size ${size}, mtime ${entry.mtimeus}, root ${entry.root}, expected whole numbers`,
      );
    }
    if (this.#entries >= TRANSFER_ENTRIES_MAX || this.#bytes + size > TRANSFER_BYTES_MAX) {
      throw new CommandError(
        'invalid_params',
        `Cannot take more into one manifest: ${this.#entries} entries, ` +
          `expected at most ${TRANSFER_ENTRIES_MAX}`,
      );
    }
    const text = textOf(entry, size);
    if (this.#entries % GROUP_ENTRIES === 0) {
      this.#flush();
      this.#groups.push([this.#position, this.#bytes]);
    }
    this.#line(text);
    this.#count(entry);
  }

  /**
   * Makes all whole groups so far durable and tells readers of them. The first time also the names.
   *
   * @throws {CommandError} If the disk refuses.
   */
  announce(): void {
    const count = this.#groups.length;
    // The last one has begun, but is not known to be whole.
    if (count < 2 || count === this.#announced) return;
    try {
      fs.fdatasyncSync(this.#fd);
      if (this.#groupsFd === -1) {
        syncNames(path.dirname(this.#path));
        this.#groupsFd = fs.openSync(groupsPath(this.#path), 'w', 0o600);
      }
      const records = Buffer.alloc((count - this.#announced) * GROUP_RECORD_BYTES);
      this.#groups.slice(this.#announced).forEach(([byte, linear], index) => {
        records.writeDoubleBE(byte, index * GROUP_RECORD_BYTES);
        records.writeDoubleBE(linear, index * GROUP_RECORD_BYTES + 8);
      });
      writeAll(this.#groupsFd, records, this.#announced * GROUP_RECORD_BYTES);
      this.#announced = count;
    } catch (error) {
      throw diskError('write the file list', path.basename(this.#path), error);
    }
  }

  /** Makes the list durable and gives it its name. */
  finish(): ManifestTotals {
    this.#flush();
    const start = this.#position;
    const index: ManifestIndex = { ...this.totals, groups: this.#groups };
    this.#line(JSON.stringify(index));
    this.#text += `{"footer":${String(start).padStart(FOOTER_BYTES - 12)}}\n`;
    this.#flush();
    try {
      fs.fsyncSync(this.#fd);
      this.#close();
      fs.renameSync(growingPath(this.#path), this.#path);
      fs.rmSync(groupsPath(this.#path), { force: true });
      syncNames(path.dirname(this.#path));
    } catch (error) {
      throw diskError('write the file list', path.basename(this.#path), error);
    }
    return this.totals;
  }

  /** Gives up and removes what was written. */
  abort(): void {
    this.#close();
    fs.rmSync(growingPath(this.#path), { force: true });
    fs.rmSync(groupsPath(this.#path), { force: true });
  }

  /** Nothing is closed twice: its number may already be that of another thread's file. */
  #close(): void {
    const open = [this.#fd, this.#groupsFd].filter((fd) => fd !== -1);
    this.#fd = -1;
    this.#groupsFd = -1;
    for (const fd of open) fs.closeSync(fd);
  }

  #count(entry: ManifestEntry): void {
    this.#entries += 1;
    if (entry.kind !== 'file') return;
    this.#files += 1;
    this.#bytes += entry.size;
  }

  #line(text: string): void {
    this.#text += `${text}\n`;
    if (this.#text.length >= FLUSH_CHARS) this.#flush();
  }

  #flush(): void {
    const bytes = Buffer.from(this.#text);
    this.#text = '';
    try {
      writeAll(this.#fd, bytes, this.#position);
    } catch (error) {
      throw diskError('write the file list', path.basename(this.#path), error);
    }
    this.#position += bytes.length;
  }
}

const writeAll = (fd: number, bytes: Buffer, position: number): void => {
  for (let done = 0; done < bytes.length; ) {
    done += fs.writeSync(fd, bytes, done, bytes.length - done, position + done);
  }
};
