/**
 * The file list of a manifest, on disk: one JSON object a line, so that a person can read it and a
 * million entries never lie in memory.
 *
 *     {"manifestList":1,"roots":["/srv/in"]}
 *     {"k":"f","r":0,"s":"a/b.txt","d":"/dst/b.txt","z":12,"t":1700000000000000,"m":420}
 *     …
 *     {"entries":2,"files":1,"bytes":12,"groups":[[39,0],…]}
 *     {"footer":            213}
 *
 * `r` is the index of the sandbox root that confines the source, `s` the path below it (components
 * joined by `/`), `d` the path as the receiver gets it, `k` the kind (f, d, l), `z` size, `t` mtime
 * in microseconds, `m` permission bits, `l` the text of a link. Names may hold lone surrogates (bytes that are not UTF-8);
 * JSON carries them escaped.
 *
 * `groups` holds for every {@link GROUP_ENTRIES} entries the byte where they start in this file and
 * the linear position of the first; the last line, of fixed length, says where that line starts.
 * A list without it was cut off and is refused. The file gets its name only when it is durable.
 */
import fs from 'node:fs';
import path from 'node:path';
import { CommandError } from '@jetstream/contract';
import { diskError } from '../adapters/disk/disk-error.js';
import { TRANSFER_BYTES_MAX, TRANSFER_ENTRIES_MAX } from './limits.js';

export const MANIFEST_LIST_VERSION = 1;
/** Entries between two index points of a list. */
export const GROUP_ENTRIES = 256;
/** Bytes of the last line, its line feed included. */
export const FOOTER_BYTES = 32;
const FLUSH_CHARS = 256 * 1024;

export type EntryKind = 'file' | 'directory' | 'link';

/** One entry of a manifest. */
export interface ManifestEntry {
  readonly kind: EntryKind;
  /** Index of the root, in the order given to the writer. */
  readonly root: number;
  /** Path below that root: validated components joined by `/`, without one at the start. */
  readonly source: string;
  /** Path text as it goes to the receiver. */
  readonly destPath: string;
  /** 0 for everything but files. */
  readonly size: number;
  readonly mtimeus: number;
  /** Permission bits. */
  readonly mode: number;
  /** Text of a link. */
  readonly link?: string;
}

/** What a finished list holds. */
export interface ManifestTotals {
  /** All entries, directories included: the `totalFiles` of orders and offers. */
  readonly entries: number;
  readonly files: number;
  /** Sum of the file sizes: the length of the linear space. */
  readonly bytes: number;
}

/** One line, as JSON holds it. */
export interface ManifestLine {
  readonly k: 'f' | 'd' | 'l';
  readonly r: number;
  readonly s: string;
  readonly d: string;
  readonly z: number;
  readonly t: number;
  readonly m: number;
  readonly l?: string;
}

/** The line before the last. */
export interface ManifestIndex extends ManifestTotals {
  readonly groups: readonly (readonly [byte: number, linear: number])[];
}

const LETTERS = { file: 'f', directory: 'd', link: 'l' } as const;

const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;

/** Writes a list; synchronous, for a scan thread. Holds at most about 512 KiB. */
export class ManifestListWriter {
  readonly #path: string;
  readonly #fd: number;
  readonly #roots: number;
  #text = '';
  #position = 0;
  #entries = 0;
  #files = 0;
  #bytes = 0;
  readonly #groups: [number, number][] = [];

  private constructor(listPath: string, fd: number, roots: readonly string[]) {
    this.#path = listPath;
    this.#fd = fd;
    this.#roots = roots.length;
    this.#line({ manifestList: MANIFEST_LIST_VERSION, roots });
  }

  /**
   * Starts a list beside its final name; `finish` gives it the name.
   *
   * @param roots Absolute directories that the sources lie in; `ManifestEntry.root` points here.
   */
  static create(listPath: string, roots: readonly string[]): ManifestListWriter {
    try {
      return new ManifestListWriter(listPath, fs.openSync(`${listPath}.new`, 'w', 0o600), roots);
    } catch (error) {
      throw diskError('write the file list', path.basename(listPath), error);
    }
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
    if (this.#entries % GROUP_ENTRIES === 0) {
      this.#flush();
      this.#groups.push([this.#position, this.#bytes]);
    }
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
    this.#line(line);
    this.#entries += 1;
    if (entry.kind === 'file') this.#files += 1;
    this.#bytes += size;
  }

  /** Makes the list durable and gives it its name. */
  finish(): ManifestTotals {
    this.#flush();
    const start = this.#position;
    const index: ManifestIndex = { ...this.totals, groups: this.#groups };
    this.#line(index);
    this.#text += `{"footer":${String(start).padStart(FOOTER_BYTES - 12)}}\n`;
    this.#flush();
    try {
      fs.fsyncSync(this.#fd);
      fs.closeSync(this.#fd);
      fs.renameSync(`${this.#path}.new`, this.#path);
      const directory = fs.openSync(path.dirname(this.#path), 'r');
      fs.fsyncSync(directory);
      fs.closeSync(directory);
    } catch (error) {
      throw diskError('write the file list', path.basename(this.#path), error);
    }
    return this.totals;
  }

  /** Gives up and removes what was written. */
  abort(): void {
    fs.closeSync(this.#fd);
    fs.rmSync(`${this.#path}.new`, { force: true });
  }

  #line(value: unknown): void {
    this.#text += `${JSON.stringify(value)}\n`;
    if (this.#text.length >= FLUSH_CHARS) this.#flush();
  }

  #flush(): void {
    const bytes = Buffer.from(this.#text);
    this.#text = '';
    for (let done = 0; done < bytes.length; ) {
      try {
        done += fs.writeSync(this.#fd, bytes, done);
      } catch (error) {
        throw diskError('write the file list', path.basename(this.#path), error);
      }
    }
    this.#position += bytes.length;
  }
}
