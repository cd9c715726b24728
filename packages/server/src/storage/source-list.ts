import fs from 'node:fs';
import { GrowingList } from './growing-list.js';
import { GROUP_ENTRIES, type ManifestEntry } from './list-format.js';
import { ManifestList } from './manifest-list-reader.js';
import { type SourceOptions, StorageError } from './storage.js';

const GROUPS_HELD = 4;

/** An entry with its place in the list and in the linear space. */
export interface PlacedEntry extends ManifestEntry {
  readonly index: number;
  readonly start: number;
}

/**
 * Entries of a manifest list by index or linear position; a few groups are held. A list that is still
 * being written is read as far as it is durable, and becomes the finished one when that is there.
 */
export class SourceList {
  readonly #path: string;
  #list: ManifestList | GrowingList;
  readonly #groups = new Map<number, readonly PlacedEntry[]>();

  /** @param mayGrow Whether a list that is not finished, or not even begun, will do. */
  constructor(listPath: string, mayGrow = false) {
    this.#path = listPath;
    this.#list =
      mayGrow && !fs.existsSync(listPath) ? new GrowingList(listPath) : ManifestList.open(listPath);
  }

  /**
   * The list of a transfer, which may be open when its totals are not known.
   *
   * @throws {CommandError | StorageError} If the list is missing or is another one.
   */
  static of(options: Pick<SourceOptions, 'listPath' | 'totalFiles' | 'totalBytes'>): SourceList {
    const { listPath, totalFiles, totalBytes } = options;
    const list = new SourceList(listPath, totalFiles === null);
    const { length, bytes } = list;
    if (totalFiles === null || (length === totalFiles && bytes === totalBytes)) return list;
    list.close();
    throw new StorageError(
      'internal',
      `Cannot send the manifest: its list holds ${length} entries and ${bytes} bytes, ` +
        `expected ${totalFiles} and ${totalBytes}`,
    );
  }

  /** Whether entries may still come. */
  get isOpen(): boolean {
    return this.#list instanceof GrowingList;
  }

  /** Absolute directories that confine the sources. */
  get roots(): readonly string[] {
    return this.#list.roots;
  }

  /** Number of entries so far. */
  get length(): number {
    return this.#list.totals.entries;
  }

  /** Linear bytes so far. */
  get bytes(): number {
    return this.#list.totals.bytes;
  }

  /** Looks whether more of an open list is there, or its end. */
  refresh(): void {
    if (!(this.#list instanceof GrowingList) || this.#list.refresh()) return;
    if (!fs.existsSync(this.#path)) return;
    const finished = ManifestList.open(this.#path);
    this.#list.close();
    this.#list = finished;
  }

  /** Entry at an index below `length`. */
  at(index: number): PlacedEntry {
    return this.#group(Math.floor(index / GROUP_ENTRIES))[index % GROUP_ENTRIES] as PlacedEntry;
  }

  /** The file that holds the linear byte; one below the total. */
  holding(linear: number): PlacedEntry {
    const group = this.#group(this.#list.groupAt(linear));
    let low = 0;
    let high = group.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if ((group[middle] as PlacedEntry).start <= linear) low = middle;
      else high = middle - 1;
    }
    return group[low] as PlacedEntry;
  }

  close(): void {
    this.#list.close();
  }

  #group(number: number): readonly PlacedEntry[] {
    const held = this.#groups.get(number);
    if (held !== undefined) return held;
    let start = this.#list.groupStart(number);
    const entries = this.#list.group(number).map((entry, offset) => {
      // Field by field: a spread costs more than reading the entry did.
      const placed: PlacedEntry = {
        kind: entry.kind,
        root: entry.root,
        source: entry.source,
        destPath: entry.destPath,
        size: entry.size,
        mtimeus: entry.mtimeus,
        mode: entry.mode,
        ...(entry.link === undefined ? {} : { link: entry.link }),
        index: number * GROUP_ENTRIES + offset,
        start,
      };
      start += entry.size;
      return placed;
    });
    for (const oldest of this.#groups.keys()) {
      if (this.#groups.size < GROUPS_HELD) break;
      this.#groups.delete(oldest);
    }
    this.#groups.set(number, entries);
    return entries;
  }
}
