/** Reads the lists that list-format.ts describes; synchronous, a few hundred lines at a time. */
import fs from 'node:fs';
import path from 'node:path';
import { CommandError } from '@jetstream/contract';
import { diskError } from '../adapters/disk/disk-error.js';
import {
  entryOf,
  FOOTER_BYTES,
  GROUP_ENTRIES,
  MANIFEST_LIST_VERSION,
  type ManifestEntry,
  type ManifestIndex,
  type ManifestLine,
  type ManifestTotals,
} from './list-format.js';

const INDEX_BYTES_MAX = 64 * 1024 * 1024;

/** Bytes of a file that must be there. */
export const readExactly = (fd: number, position: number, length: number): Buffer => {
  const bytes = Buffer.allocUnsafe(length);
  for (let done = 0; done < length; ) {
    const read = fs.readSync(fd, bytes, done, length - done, position + done);
    if (read === 0) throw new Error('the file is too short');
    done += read;
  }
  return bytes;
};

/** First line of a list. */
export interface Header {
  readonly manifestList: number;
  readonly roots: readonly string[];
}

const readIndex = (fd: number): { header: Header; index: ManifestIndex; end: number } => {
  const size = fs.fstatSync(fd).size;
  const footer = readExactly(fd, Math.max(0, size - FOOTER_BYTES), FOOTER_BYTES);
  if (footer[0] !== 0x7b) throw new Error('the last line is cut off');
  const end = (JSON.parse(footer.toString()) as { footer: number }).footer;
  const length = size - FOOTER_BYTES - end;
  if (length > INDEX_BYTES_MAX) throw new Error('the index is too long');
  const index = JSON.parse(readExactly(fd, end, length).toString()) as ManifestIndex;
  const headerBytes = index.groups[0]?.[0] ?? end;
  const header = JSON.parse(readExactly(fd, 0, headerBytes).toString()) as Header;
  if (header.manifestList !== MANIFEST_LIST_VERSION) throw new Error('the version is unknown');
  return { header, index, end };
};

/** Entries of whole lines. */
export const entriesIn = (bytes: Buffer): ManifestEntry[] => {
  // Line feeds inside of strings are escaped, so each one ends an entry.
  const text = bytes.toString().slice(0, -1);
  const lines = JSON.parse(`[${text.replaceAll('\n', ',')}]`) as ManifestLine[];
  return lines.map(entryOf);
};

/** The last group that starts at or before a linear position. */
export const groupHolding = (
  list: { readonly groups: number; groupStart(group: number): number },
  linear: number,
): number => {
  let low = 0;
  let high = list.groups - 1;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if (list.groupStart(middle) <= linear) low = middle;
    else high = middle - 1;
  }
  return low;
};

/** An open list. Memory: its index, and the entries of the group that is asked for. */
export class ManifestList {
  /** Absolute directories that confine the sources. */
  readonly roots: readonly string[];
  readonly totals: ManifestTotals;
  readonly #fd: number;
  readonly #index: ManifestIndex;
  readonly #end: number;

  private constructor(fd: number, parts: ReturnType<typeof readIndex>) {
    this.#fd = fd;
    this.roots = parts.header.roots;
    this.#index = parts.index;
    this.#end = parts.end;
    const { entries, files, bytes } = parts.index;
    this.totals = { entries, files, bytes };
  }

  /**
   * @throws {CommandError} `path_not_found` if there is none, `manifest_not_ready` if it is cut off
   * or not a list.
   */
  static open(listPath: string): ManifestList {
    let fd = -1;
    try {
      fd = fs.openSync(listPath, 'r');
      return new ManifestList(fd, readIndex(fd));
    } catch (cause) {
      if (fd === -1) throw diskError('open the file list', path.basename(listPath), cause);
      fs.closeSync(fd);
      throw new CommandError(
        'manifest_not_ready',
        `Cannot use the file list ${JSON.stringify(path.basename(listPath))}: ` +
          'it is damaged or incomplete, expected a finished list',
        { cause },
      );
    }
  }

  /** Number of groups, each of `GROUP_ENTRIES` entries but the last. */
  get groups(): number {
    return this.#index.groups.length;
  }

  /** Linear position where a group starts; the total for the one after the last. */
  groupStart(group: number): number {
    return this.#index.groups[group]?.[1] ?? this.totals.bytes;
  }

  /** The last group that starts at or before a linear position. */
  groupAt(linear: number): number {
    return groupHolding(this, linear);
  }

  /** Entries of a group; empty past the last. */
  group(group: number): ManifestEntry[] {
    const start = this.#index.groups[group]?.[0];
    if (start === undefined) return [];
    const end = this.#index.groups[group + 1]?.[0] ?? this.#end;
    return entriesIn(readExactly(this.#fd, start, end - start));
  }

  /** Entries `offset` to `offset + limit`. */
  page(offset: number, limit: number): ManifestEntry[] {
    const page: ManifestEntry[] = [];
    let group = Math.floor(offset / GROUP_ENTRIES);
    for (let skip = offset % GROUP_ENTRIES; page.length < limit; skip = 0, group += 1) {
      if (group >= this.groups) break;
      page.push(...this.group(group).slice(skip, skip + limit - page.length));
    }
    return page;
  }

  /** All entries in order. */
  *[Symbol.iterator](): Generator<ManifestEntry, void, undefined> {
    for (let group = 0; group < this.groups; group += 1) yield* this.group(group);
  }

  close(): void {
    fs.closeSync(this.#fd);
  }
}
