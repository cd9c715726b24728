/** What a journal says of a transfer, collected while it is read, and held against the disk. */
import { WIRE_KIND } from '@jetstream/transport';
import type { FileError } from '../data/data-plane.js';
import type { Verified } from '../receipts/receipt-format.js';
import { ChunkSet } from './chunk-set.js';
import { ENTRY, type EntryTable } from './entry-table.js';
import { type Pair, pairsOf, type StateRecord } from './journal.js';
import { CHUNK_BYTES, type ListTotals } from './storage.js';
import type { TargetFiles } from './target-files.js';

const addPairs = (set: ChunkSet, pairs: readonly Pair[] | undefined): void => {
  for (const [first, end] of pairs ?? []) set.addRange({ first, end });
};

/** Numbers of a set, in order. */
export function* numbersOf(set: ChunkSet): Generator<number> {
  for (const { first, end } of set.ranges()) {
    for (let number = first; number < end; number += 1) yield number;
  }
}

/** A file that was hashed to its end. */
interface HashedFile {
  /** Hex. */
  readonly digest: string;
  /** The file as it was then; see file-identity.ts. */
  readonly identity: string;
}

/** State of a transfer, merged from all records. */
export class RememberedState {
  readonly durable = new ChunkSet();
  readonly publishing = new ChunkSet();
  readonly published = new ChunkSet();
  readonly begun = new ChunkSet();
  readonly failed = new Map<number, FileError>();
  readonly hashed = new Map<number, HashedFile>();
  /** Whether the whole may have got its final name. */
  moving = false;
  complete = false;
  /** Of a list that was begun without a known end, once that has come. */
  totals: ListTotals | null = null;
  verified: Verified = 'chunks';
  /** How many records it was merged from. */
  records = 0;

  add(state: StateRecord): void {
    this.records += 1;
    addPairs(this.durable, state.durable);
    addPairs(this.publishing, state.publishing);
    addPairs(this.published, state.published);
    addPairs(this.begun, state.begun);
    for (const [index, error] of state.failed ?? []) this.failed.set(index, error);
    for (const [index, digest, identity] of state.hashed ?? []) {
      this.hashed.set(index, { digest, identity });
    }
    if (state.totals !== undefined) {
      const [files, bytes] = state.totals;
      this.totals = { files, bytes };
    }
    if (state.moving === true) this.moving = true;
    if (state.verified !== undefined) this.verified = state.verified;
    if (state.complete === true) this.complete = true;
  }

  /** As one record. */
  merged(): StateRecord {
    return {
      durable: pairsOf(this.durable.ranges()),
      publishing: pairsOf(this.publishing.ranges()),
      published: pairsOf(this.published.ranges()),
      begun: pairsOf(this.begun.ranges()),
      failed: [...this.failed],
      hashed: [...this.hashed]
        .filter(([index]) => !this.published.has(index) && !this.failed.has(index))
        .map(([index, { digest, identity }]) => [index, digest, identity] as const),
      ...(this.totals === null ? {} : { totals: [this.totals.files, this.totals.bytes] as const }),
      ...(this.moving || this.complete ? { verified: this.verified } : {}),
      ...(this.moving ? { moving: true as const } : {}),
      ...(this.complete ? { complete: true as const } : {}),
    };
  }

  /**
   * Holds the memory against the disk: finds out what became of files that were being renamed, and
   * gives up chunks whose part files are gone.
   *
   * @returns Whether something was given up, so that the journal must be written anew; and files
   * that only lack their final names.
   */
  reconcile(table: EntryTable, files: TargetFiles): { isChanged: boolean; ready: number[] } {
    const ready: number[] = [];
    const lost = new ChunkSet();
    let isInDoubt = false;
    for (const index of numbersOf(this.publishing)) {
      if (index >= table.length || this.published.has(index) || this.failed.has(index)) continue;
      isInDoubt = true;
      const isDirectory = table.kind(index) !== WIRE_KIND.file;
      if (isDirectory || files.inPlace || files.holds(index, table.size(index))) {
        if (!isDirectory) table.set(index, ENTRY.begun);
        ready.push(index);
      } else if (files.isPublished(index)) {
        this.published.add(index);
      } else {
        this.#lose(lost, table, index);
      }
    }
    const settled = new Set(ready);
    for (const { first, end } of this.durable.ranges()) {
      this.#checkParts(table, files, { first, end, settled, lost });
    }
    for (const range of lost.ranges()) this.durable.removeRange(range);
    this.publishing.clear();
    for (const index of ready) this.publishing.add(index);
    return { isChanged: isInDoubt || lost.size > 0, ready };
  }

  #checkParts(
    table: EntryTable,
    files: TargetFiles,
    range: { first: number; end: number; settled: ReadonlySet<number>; lost: ChunkSet },
  ): void {
    const begin = range.first * CHUNK_BYTES;
    const end = Math.min(range.end * CHUNK_BYTES, table.bytes);
    if (begin >= end) return;
    for (let index = table.holding(begin); index < table.length; index += 1) {
      if (table.start(index) >= end) return;
      if (table.size(index) === 0 || range.settled.has(index)) continue;
      if (this.published.has(index) || this.failed.has(index)) continue;
      const bytes = Math.min(end - table.start(index), table.size(index));
      const isOurs = !files.inPlace || this.begun.has(index);
      if (isOurs && files.holds(index, bytes)) table.set(index, ENTRY.begun);
      else this.#lose(range.lost, table, index);
    }
  }

  #lose(lost: ChunkSet, table: EntryTable, index: number): void {
    const start = table.start(index);
    const end = start + table.size(index);
    lost.addRange({ first: Math.floor(start / CHUNK_BYTES), end: Math.ceil(end / CHUNK_BYTES) });
  }
}
