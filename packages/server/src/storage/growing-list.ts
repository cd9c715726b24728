/**
 * A file list that a scan is still writing, as far as it is durable; see list-format.ts. Only whole
 * groups are seen. Neither of its files need be there yet.
 */
import fs from 'node:fs';
import {
  GROUP_ENTRIES,
  GROUP_RECORD_BYTES,
  groupsPath,
  growingPath,
  type ManifestEntry,
} from './list-format.js';
import { entriesIn, groupHolding, type Header, readExactly } from './manifest-list-reader.js';

/** Groups that are read in at once. */
const BATCH_GROUPS = 4096;

/** @see the head of this file */
export class GrowingList {
  readonly #path: string;
  #fd = -1;
  #groupsFd = -1;
  #roots: readonly string[] = [];
  /** Byte and linear position of each group, and of the end of the last. */
  readonly #bounds: (readonly [byte: number, linear: number])[] = [];

  constructor(listPath: string) {
    this.#path = listPath;
    this.refresh();
  }

  /** Absolute directories that confine the sources; known as soon as there are groups. */
  get roots(): readonly string[] {
    return this.#roots;
  }

  /** Number of groups, each of `GROUP_ENTRIES` entries. */
  get groups(): number {
    return Math.max(0, this.#bounds.length - 1);
  }

  /** What is durable so far. */
  get totals(): { readonly entries: number; readonly bytes: number } {
    return { entries: this.groups * GROUP_ENTRIES, bytes: this.#bounds.at(-1)?.[1] ?? 0 };
  }

  /** Linear position where a group starts. */
  groupStart(group: number): number {
    return this.#bounds[group]?.[1] ?? this.totals.bytes;
  }

  /** The last group that starts at or before a linear position. */
  groupAt(linear: number): number {
    return groupHolding(this, linear);
  }

  /** Entries of a group; empty past the last. */
  group(group: number): ManifestEntry[] {
    const start = this.#bounds[group]?.[0];
    const end = this.#bounds[group + 1]?.[0];
    if (start === undefined || end === undefined) return [];
    return entriesIn(readExactly(this.#fd, start, end - start));
  }

  /** Looks for more groups. @returns Whether there are some. */
  refresh(): boolean {
    const before = this.groups;
    if (!this.#open()) return false;
    const records = Buffer.alloc(BATCH_GROUPS * GROUP_RECORD_BYTES);
    const position = this.#bounds.length * GROUP_RECORD_BYTES;
    const read = fs.readSync(this.#groupsFd, records, 0, records.length, position);
    for (let at = 0; at + GROUP_RECORD_BYTES <= read; at += GROUP_RECORD_BYTES) {
      this.#bounds.push([records.readDoubleBE(at), records.readDoubleBE(at + 8)]);
    }
    if (this.#roots.length === 0 && this.groups > 0) {
      const header = readExactly(this.#fd, 0, this.#bounds[0]?.[0] ?? 0);
      this.#roots = (JSON.parse(header.toString()) as Header).roots;
    }
    return this.groups > before;
  }

  close(): void {
    if (this.#fd !== -1) fs.closeSync(this.#fd);
    if (this.#groupsFd !== -1) fs.closeSync(this.#groupsFd);
    this.#fd = -1;
    this.#groupsFd = -1;
  }

  #open(): boolean {
    if (this.#groupsFd !== -1) return true;
    try {
      // The list last: what is said of groups is true of the list that lies there then.
      const groupsFd = fs.openSync(groupsPath(this.#path), 'r');
      try {
        this.#fd = fs.openSync(growingPath(this.#path), 'r');
      } catch (error) {
        fs.closeSync(groupsFd);
        throw error;
      }
      this.#groupsFd = groupsFd;
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
      throw error;
    }
  }
}
