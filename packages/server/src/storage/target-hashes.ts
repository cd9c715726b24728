/**
 * What a receiver keeps of its hashes at each checkpoint, and what it believes of that after a break,
 * so that nothing durable is read again: digests of whole files that no record of the sender has
 * settled yet, and the state of the hash inside the file that is being received.
 *
 * Both speak of chunks that were made durable before they were kept. They are believed only as long
 * as those chunks are still counted as durable and the file is the same: unchanged where it had come
 * to its end or the transfer was closed in order, and otherwise only written to later, which after
 * a kill may have been this server itself. All else is hashed again.
 */
import type { EntryTable } from './entry-table.js';
import { ENTRY } from './entry-table.js';
import { identityOf, isSameFile, isUnchanged } from './file-identity.js';
import type { HashPoint } from './hash-memory.js';
import type { Journal, StateRecord } from './journal.js';
import { CHUNK_BYTES } from './storage.js';
import type { TargetFiles } from './target-files.js';
import type { RememberedState } from './target-journal.js';
import type { TargetOutcomes } from './target-outcomes.js';
import type { VerifierPoint } from './target-verifier.js';

const PASSED = ENTRY.failed | ENTRY.ready | ENTRY.published | ENTRY.hashed;

export interface TargetHashesOptions {
  readonly table: EntryTable;
  readonly files: TargetFiles;
  readonly outcomes: TargetOutcomes;
  readonly journal: Journal;
}

/** What is known at one moment. */
export interface HashSnapshot {
  /** For the journal. */
  readonly hashed: NonNullable<StateRecord['hashed']>;
  readonly point: HashPoint | null;
}

/** @see the head of this file */
export class TargetHashes {
  readonly #options: TargetHashesOptions;
  #kept: HashPoint | null = null;

  constructor(options: TargetHashesOptions) {
    this.#options = options;
  }

  /** Takes what is known now. Small files are left out: to hash one again costs less. */
  snapshot(at: VerifierPoint | null): HashSnapshot {
    const { table, outcomes } = this.#options;
    const hashed: [index: number, digest: string, identity: string][] = [];
    for (const index of outcomes.takeHashed()) {
      const identity = table.size(index) < CHUNK_BYTES ? null : this.#identity(index);
      if (identity === null) continue;
      hashed.push([index, Buffer.from(table.digest(index)).toString('hex'), identity]);
    }
    if (at === null) return { hashed, point: null };
    return { hashed, point: { ...at, identity: this.#identity(at.index), isClosed: false } };
  }

  /** Keeps a snapshot's point; the journal has been synced with what goes with it. */
  async keep({ point }: HashSnapshot): Promise<void> {
    if (point === null || point.identity === null) return;
    const { journal } = this.#options;
    journal.keepHashes(point);
    this.#kept = point;
    await journal.syncHashes();
  }

  /** Nothing will be written after this. */
  close(): void {
    if (this.#kept === null) return;
    const { journal } = this.#options;
    const identity = this.#identity(this.#kept.index);
    journal.keepHashes({ ...this.#kept, identity, isClosed: true });
  }

  /** Brings back what an earlier attempt kept, as far as it can be believed. */
  restore(remembered: RememberedState): VerifierPoint | null {
    const { outcomes, journal } = this.#options;
    for (const [index, { digest, identity }] of remembered.hashed) {
      if (!this.#isCovered(remembered, index, Number.POSITIVE_INFINITY)) continue;
      if (!isUnchanged(identity, this.#identity(index))) continue;
      outcomes.hashed(index, Buffer.from(digest, 'hex'));
    }
    // The journal knows of all of these.
    outcomes.takeHashed();
    const point = this.#believed(remembered);
    if (point === null) {
      journal.forgetHashes();
      return null;
    }
    this.#kept = { ...point, isClosed: false };
    journal.keepHashes(this.#kept);
    return point;
  }

  #believed(remembered: RememberedState): (HashPoint & { state: Uint8Array }) | null {
    for (const point of this.#options.journal.hashPoints()) {
      const { index, offset, state } = point;
      if (!this.#isCovered(remembered, index, offset)) continue;
      const now = this.#identity(index);
      const isBelieved = point.isClosed
        ? isUnchanged(point.identity, now)
        : isSameFile(point.identity, now);
      return isBelieved && state !== null ? { ...point, state } : null;
    }
    return null;
  }

  /** Which file the content is in, and its state; null when it is not there. */
  #identity(index: number): string | null {
    const { files } = this.#options;
    try {
      return identityOf(files.root.lstat(files.place(index).work));
    } catch {
      return null;
    }
  }

  /** Whether the entry still waits and all its bytes up to `offset` are durable. */
  #isCovered({ durable }: RememberedState, index: number, offset: number): boolean {
    const { table } = this.#options;
    if (index >= table.length || table.is(index, PASSED)) return false;
    const start = table.start(index);
    const end = start + Math.min(offset, table.size(index));
    return durable.covers({
      first: Math.floor(start / CHUNK_BYTES),
      end: Math.ceil(end / CHUNK_BYTES),
    });
  }
}
