/**
 * One transfer being written, in the thread that calls.
 *
 * Order of a checkpoint: content and part files are synced; then the journal says which chunks are
 * durable and which files are about to be published, and is synced; then files get their final names
 * and the directories are synced; then the journal says so. A break at any point leaves either the
 * promise unmade or the means to keep it.
 */
import { decodeTrailerBlock } from '@jetstream/transport';
import type { ReceiptHead, Verified } from '../receipts/receipt-format.js';
import { writeDraft } from '../receipts/receipt-writer.js';
import { ChunkSet } from './chunk-set.js';
import { ENTRY } from './entry-table.js';
import { type Pair, pairsOf, RECORD } from './journal.js';
import { readBackAll } from './read-back.js';
import {
  CHUNK_BYTES,
  type ChunkRange,
  type ListTotals,
  type ReceiptDraft,
  StorageError,
  type Target,
  type TargetResult,
  type TargetState,
  type WriteOutcome,
} from './storage.js';
import type { TargetParts } from './target-parts.js';
import { attemptEach, removeParts } from './target-steps.js';
import { syncDirty } from './target-sync.js';
import { TargetVerifier } from './target-verifier.js';

/** Bytes of trailer records that may wait for their entries. */
const EARLY_TRAILERS_BYTES_MAX = 1024 * 1024;
const SETTLED = ENTRY.failed | ENTRY.published;

const pairsOfNumbers = (numbers: readonly number[]): Pair[] => {
  const set = new ChunkSet();
  for (const number of numbers) set.add(number);
  return pairsOf(set.ranges());
};

/** @see the head of this file */
export class LocalTarget implements Target {
  readonly state: TargetState;
  readonly #parts: TargetParts;
  readonly #verifier: TargetVerifier;
  /** Written, durable or not. */
  readonly #written: ChunkSet;
  /** Written since the last checkpoint. */
  #fresh = new ChunkSet();
  #early: Uint8Array[] = [];
  #result: TargetResult | null = null;
  #failure: StorageError | null = null;
  #isClosed = false;
  #ending: Promise<void> | null = null;
  #isVerifying = false;
  #verified: (() => void)[] = [];
  #checkpoints: Promise<unknown> = Promise.resolve();

  constructor(parts: TargetParts) {
    this.#parts = parts;
    this.#written = new ChunkSet(parts.durable);
    if (parts.complete !== null) this.#result = this.#resultOf(parts.complete);
    const { table, entries, files, outcomes } = parts;
    this.state = {
      durable: parts.durable,
      complete: this.#result,
      totals: entries.totals,
      listedBytes: table.bytes,
    };
    const read = (index: number, offset: number, into: Buffer): boolean => {
      try {
        files.read(index, offset, into);
        return true;
      } catch (error) {
        outcomes.failBy(index, error);
        return false;
      }
    };
    const hashed = outcomes.hashed.bind(outcomes);
    const ports = { table, written: this.#written, hashed, read };
    this.#verifier = new TargetVerifier(ports, parts.hashedTo);
    this.#verify();
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  async addEntries(block: Uint8Array): Promise<{ endByte: number; files: number }> {
    const { table, entries, outcomes, journal } = this.#parts;
    if (this.#result !== null) return { endByte: table.bytes, files: table.length };
    this.#run(() => {
      const { added, refused } = entries.accept(block);
      if (added > 0) journal.append(RECORD.entries, block);
      for (const { index, error } of refused) outcomes.fail(index, error);
      const early = this.#early;
      this.#early = [];
      for (const trailers of early) this.#takeTrailers(trailers);
    });
    this.#verify();
    return { endByte: table.bytes, files: table.length };
  }

  async endEntries(totals: ListTotals): Promise<void> {
    if (this.#result !== null) return;
    const { entries, journal } = this.#parts;
    this.#run(() => {
      if (entries.end(totals)) journal.appendState({ totals: [totals.files, totals.bytes] });
    });
  }

  async addTrailers(block: Uint8Array): Promise<void> {
    if (this.#result !== null) return;
    this.#run(() => this.#takeTrailers(block));
    this.#verify();
  }

  async writeChunk(chunk: number, arenaOffset: number, length: number): Promise<WriteOutcome> {
    const { entries, arena, table } = this.#parts;
    const begin = chunk * CHUNK_BYTES;
    const expected = Math.min(CHUNK_BYTES, (entries.totals?.bytes ?? Infinity) - begin);
    const isChunk = Number.isSafeInteger(chunk) && chunk >= 0 && expected > 0;
    if (!isChunk || length !== expected || begin + length > table.bytes) {
      throw new StorageError(
        'internal',
        `Cannot write ${length} bytes of chunk ${chunk}: expected ${expected} bytes, and ` +
          `entries up to there, not to ${table.bytes}`,
      );
    }
    if (this.#written.has(chunk)) return 'written';
    const content = arena.content(arenaOffset, length);
    if (!arena.isSound(arenaOffset, content)) return 'bad digest';
    this.#run(() => this.#writeContent(begin, content));
    this.#written.add(chunk);
    this.#fresh.add(chunk);
    this.#verify();
    return 'written';
  }

  checkpoint(): Promise<readonly ChunkRange[]> {
    return this.#enqueue(() => this.#checkpoint());
  }

  async finish(): Promise<TargetResult> {
    if (this.#result !== null) return this.#result;
    const { entries, table, outcomes } = this.#parts;
    const { files, bytes } = entries.totals ?? { files: Infinity, bytes: table.bytes };
    const chunks = Math.ceil(bytes / CHUNK_BYTES);
    const lacks = [
      table.length < files ? `entry ${table.length}` : '',
      outcomes.recordsAt < files ? `the record of entry ${outcomes.recordsAt}` : '',
      this.#written.size < chunks ? `chunk ${this.#written.firstMissing(0)}` : '',
    ].filter((lack) => lack !== '');
    if (lacks.length > 0) {
      throw new StorageError('conflict', `Cannot finish the transfer: ${lacks.join(', ')} missing`);
    }
    await this.#whenVerified();
    return this.#enqueue(() => this.#complete());
  }

  writeReceipt(file: string, head: ReceiptHead): Promise<ReceiptDraft> {
    return writeDraft(file, head, this.#parts.outcomes.receiptLines());
  }

  suspend(): Promise<void> {
    this.#ending ??= this.#suspend();
    return this.#ending;
  }

  discard(): Promise<void> {
    this.#ending ??= this.#discard();
    return this.#ending;
  }

  async #suspend(): Promise<void> {
    if (this.#failure === null && this.#result === null) {
      // What has arrived need not be sent again; a disk that fails here changes nothing.
      const checkpoint = this.checkpoint().then(() => this.#parts.hashes.close());
      await checkpoint.catch(() => undefined);
    }
    await this.#close(false);
  }

  async #discard(): Promise<void> {
    this.#failure ??= new StorageError('cancelled', 'The transfer is discarded');
    await this.#checkpoints;
    let isGone = false;
    try {
      await removeParts(this.#parts);
      if (this.#result === null) this.#parts.whole?.remove();
      isGone = true;
    } finally {
      // What could not be removed is still known to the journal.
      await this.#close(isGone);
    }
  }

  /** One checkpoint at a time; closing waits for the last. */
  #enqueue<T>(action: () => Promise<T>): Promise<T> {
    const next = this.#checkpoints.then(action);
    this.#checkpoints = next.catch(() => undefined);
    return next;
  }

  async #complete(): Promise<TargetResult> {
    const { table, outcomes, journal } = this.#parts;
    await this.#checkpoint();
    for (let index = 0; index < table.length; index += 1) {
      if (table.is(index, SETTLED)) continue;
      throw this.#die(new StorageError('internal', `Cannot finish: entry ${index} is not settled`));
    }
    const verified = await this.#readBack();
    journal.appendState({ failed: outcomes.takeFailed(), verified });
    this.#checkOpen();
    await this.#publishWhole();
    journal.appendState({ complete: true });
    await journal.sync();
    this.#result = this.#resultOf(verified);
    return this.#result;
  }

  async #publishWhole(): Promise<void> {
    const { whole, isMoving, journal } = this.#parts;
    if (whole === null) return;
    try {
      journal.appendState({ moving: true });
      await journal.sync();
      await whole.publish(isMoving);
    } catch (error) {
      throw this.#die(error);
    }
  }

  /** Holds what was published against the disk, when the transfer asks for it. */
  async #readBack(): Promise<Verified> {
    const { options, table, files, outcomes, isMoving, verified } = this.#parts;
    // The whole may have its name already; it was read before it got it.
    if (isMoving) return verified;
    if (options.verifyMode !== 'readback') return 'chunks';
    try {
      return await readBackAll({ table, files, outcomes, check: () => this.#checkOpen() });
    } catch (error) {
      throw this.#die(error);
    }
  }

  #resultOf(verified: Verified): TargetResult {
    return { fileErrors: this.#parts.outcomes.fileErrors(), verified };
  }

  #takeTrailers(bytes: Uint8Array): void {
    const { table, outcomes, journal } = this.#parts;
    const block = decodeTrailerBlock(bytes);
    if ('fault' in block) {
      throw new StorageError('peer_refused', `Cannot take the sender's records: ${block.fault}`);
    }
    if (block.firstIndex + block.items.length > table.length) {
      const held = this.#early.reduce((sum, each) => sum + each.length, bytes.length);
      if (held > EARLY_TRAILERS_BYTES_MAX) {
        throw new StorageError('peer_refused', 'Cannot hold more records ahead of their entries');
      }
      this.#early.push(bytes);
      return;
    }
    if (outcomes.addRecords(block)) journal.append(RECORD.trailers, bytes);
  }

  #writeContent(begin: number, content: Buffer): void {
    const { table, files, outcomes } = this.#parts;
    const inPass = this.#verifier.isAt(begin);
    let index = table.holding(begin);
    for (let at = 0; at < content.length; index += 1) {
      const size = table.size(index);
      if (size === 0) continue;
      const offset = begin + at - table.start(index);
      const piece = content.subarray(at, at + Math.min(size - offset, content.length - at));
      if (!table.is(index, SETTLED | ENTRY.ready)) {
        try {
          files.write(index, offset, piece);
        } catch (error) {
          outcomes.failBy(index, error);
        }
      }
      if (inPass) this.#verifier.take(index, piece);
      at += piece.length;
    }
  }

  async #checkpoint(): Promise<readonly ChunkRange[]> {
    this.#checkOpen();
    if (this.#result !== null) return [];
    const { files, outcomes, journal, hashes } = this.#parts;
    const durable = this.#fresh.ranges();
    this.#fresh.clear();
    try {
      const ready = outcomes.takeReady();
      const snapshot = hashes.snapshot(this.#verifier.point);
      const publishing = await attemptEach(this.#parts, ready, (index) => files.prepare(index));
      await syncDirty(files, files.takeDirty());
      const failed = outcomes.takeFailed();
      const { hashed } = snapshot;
      if (durable.length + failed.length + publishing.length + hashed.length > 0) {
        const becoming = pairsOfNumbers(publishing);
        journal.appendState({ durable: pairsOf(durable), failed, hashed, publishing: becoming });
        await journal.sync();
      }
      await hashes.keep(snapshot);
      if (publishing.length > 0) await this.#publish(publishing);
      return durable;
    } catch (error) {
      throw this.#die(error);
    }
  }

  async #publish(publishing: readonly number[]): Promise<void> {
    const { files, outcomes, journal } = this.#parts;
    const published = await attemptEach(this.#parts, publishing, (index) => {
      files.publish(index);
      outcomes.markPublished(index);
    });
    await syncDirty(files, files.takeDirtyDirectories());
    journal.appendState({ published: pairsOfNumbers(published), failed: outcomes.takeFailed() });
    await journal.sync();
  }

  /** Hashes in slices, between requests. */
  #verify(): void {
    if (this.#isVerifying || this.#isClosed || this.#failure !== null) return;
    if (this.#verifier.canGoOn) {
      this.#isVerifying = true;
      setImmediate(() => {
        this.#isVerifying = false;
        if (this.#isClosed || this.#failure !== null) return;
        try {
          this.#verifier.catchUp();
        } catch (error) {
          this.#die(error);
        }
        this.#verify();
      });
    } else if (this.#verifier.isDone) {
      this.#tellVerified();
    }
  }

  #tellVerified(): void {
    const waiting = this.#verified;
    this.#verified = [];
    for (const resolve of waiting) resolve();
  }

  async #whenVerified(): Promise<void> {
    if (!this.#verifier.isDone) {
      await new Promise<void>((resolve) => {
        this.#verified.push(resolve);
        this.#verify();
      });
    }
    this.#checkOpen();
  }

  #run(action: () => void): void {
    this.#checkOpen();
    try {
      action();
    } catch (error) {
      throw this.#die(error);
    }
  }

  #checkOpen(): void {
    if (this.#failure !== null) throw this.#failure;
    if (this.#isClosed) throw new StorageError('cancelled', 'The transfer is closed');
    const { options, outcomes } = this.#parts;
    const error = outcomes.firstError;
    const stops = options.stopOnFileError === true || options.publishWhole === true;
    if (error === undefined || !stops) return;
    throw this.#die(
      new StorageError('file_failed', `The transfer stops at the first failure: ${error.message}`),
    );
  }

  /** Nothing may be promised after this. */
  #die(error: unknown): StorageError {
    const message = error instanceof Error ? error.message : String(error);
    this.#failure ??=
      error instanceof StorageError
        ? error
        : new StorageError('internal', message, { cause: error });
    this.#tellVerified();
    return this.#failure;
  }

  async #close(forgets: boolean): Promise<void> {
    this.#failure ??= new StorageError('cancelled', 'The transfer is closed');
    this.#tellVerified();
    await this.#checkpoints;
    this.#isClosed = true;
    const { files, journal, released } = this.#parts;
    try {
      files.close();
      if (forgets) journal.remove();
      else journal.close();
    } finally {
      released();
    }
  }
}
