/** What becomes of each entry: records of the sender meet the hashes of what was written. */
import { CommandError, type ErrorCode, isErrorCode } from '@jetstream/contract';
import { type Block, type TrailerRecord, WIRE_KIND } from '@jetstream/transport';
import { shownPath } from '../adapters/disk/disk-error.js';
import type { FileError } from '../data/data-plane.js';
import type { ReceiptFile } from '../receipts/receipt-format.js';
import { ENTRY, type EntryTable } from './entry-table.js';
import { FILE_ERRORS_MAX } from './limits.js';
import { sourceFault } from './source-files.js';
import { StorageError } from './storage.js';
import type { TargetFiles } from './target-files.js';
import { endsTransfer } from './transfer-faults.js';

/** Kinds of entries in the words of a receipt. */
const RECEIPT_KIND: Readonly<Record<number, ReceiptFile['kind']>> = {
  [WIRE_KIND.file]: 'file',
  [WIRE_KIND.directory]: 'directory',
  [WIRE_KIND.link]: 'link',
};
const SETTLED = ENTRY.failed | ENTRY.published;
/** For failures beyond those that are described. */
const UNNAMED = {
  code: 'internal',
  message: `The reason is not kept: more than ${FILE_ERRORS_MAX} files failed`,
} as const;

const equal = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

const lie = (what: string): StorageError =>
  new StorageError('peer_refused', `Cannot take the sender's file records: ${what}`);

/** @see the head of this file */
export class TargetOutcomes {
  readonly #table: EntryTable;
  readonly #files: TargetFiles;
  /** The first so many; others only have their flag. */
  readonly #errors = new Map<number, FileError>();
  #ready: number[] = [];
  #failed: [index: number, error: FileError][] = [];
  #hashed: number[] = [];
  #recordsAt = 0;

  constructor(table: EntryTable, files: TargetFiles) {
    this.#table = table;
    this.#files = files;
  }

  /** Entries whose record is here: all below this index. */
  get recordsAt(): number {
    return this.#recordsAt;
  }

  /** The first file that failed. */
  get firstError(): FileError | undefined {
    return this.#errors.values().next().value;
  }

  /** Hands over the entries that became ready for their final names. */
  takeReady(): number[] {
    const ready = this.#ready;
    this.#ready = [];
    return ready.filter((index) => !this.#table.is(index, SETTLED));
  }

  /** Hands over the failures that no journal knows yet. */
  takeFailed(): [index: number, error: FileError][] {
    const failed = this.#failed;
    this.#failed = [];
    return failed;
  }

  /** Hands over the files that were hashed and that no record of the sender has settled yet. */
  takeHashed(): number[] {
    const hashed = this.#hashed;
    this.#hashed = [];
    return hashed.filter((index) => !this.#table.is(index, SETTLED | ENTRY.recorded));
  }

  markReady(index: number): void {
    if (this.#table.is(index, SETTLED | ENTRY.ready)) return;
    this.#table.set(index, ENTRY.ready);
    this.#ready.push(index);
  }

  markPublished(index: number): void {
    // Verification may have found it wrong after it was published.
    if (this.#table.is(index, ENTRY.failed)) return;
    this.#table.unset(index, ENTRY.ready);
    this.#table.set(index, ENTRY.published);
  }

  /** Gives a file up: what was written of it is removed, what still comes is thrown away. */
  fail(index: number, error: FileError, { keepsPart = false } = {}): void {
    if (this.#table.is(index, SETTLED)) return;
    this.#table.set(index, ENTRY.failed);
    this.#table.unset(index, ENTRY.ready);
    if (this.#errors.size < FILE_ERRORS_MAX) this.#errors.set(index, error);
    this.#failed.push([index, error]);
    if (!keepsPart && this.#table.is(index, ENTRY.begun)) this.#files.remove(index);
  }

  /** As {@link fail}, for an error that an operation on the file threw; others are thrown on. */
  failBy(index: number, error: unknown, options: { keepsPart?: boolean } = {}): void {
    if (!(error instanceof CommandError)) throw error;
    // No file will do better.
    if (endsTransfer(error.code)) throw new StorageError(error.code, error.message);
    this.fail(index, this.#error(index, error.code, error.message), options);
  }

  /** A file was read or received to its end. */
  hashed(index: number, digest: Uint8Array): void {
    if (this.#table.is(index, SETTLED)) return;
    if (this.#table.is(index, ENTRY.recorded)) {
      this.#judge(index, equal(digest, this.#table.digest(index)));
    } else {
      this.#table.digest(index).set(digest);
      this.#table.set(index, ENTRY.hashed);
      this.#hashed.push(index);
    }
  }

  /**
   * Takes records of entries that are known.
   *
   * @returns Whether they say something new.
   * @throws {StorageError} `peer_refused` if they break the rules.
   */
  addRecords(block: Block<TrailerRecord>): boolean {
    if (block.firstIndex > this.#recordsAt) {
      throw lie(`those of entries ${this.#recordsAt} to ${block.firstIndex} are missing`);
    }
    const failures = this.#failed.length;
    block.items.forEach((record, offset) => {
      this.#addRecord(block.firstIndex + offset, record);
    });
    const end = block.firstIndex + block.items.length;
    const isNew = end > this.#recordsAt || this.#failed.length > failures;
    this.#recordsAt = Math.max(this.#recordsAt, end);
    return isNew;
  }

  /** A published file is not what was written: the disk has lost it, or someone has changed it. */
  mismatched(index: number, reason: string): void {
    const path = `/${this.#table.pathText(index)}`;
    const message = `Cannot verify ${shownPath(path)} on the disk: ${reason}`;
    this.#table.unset(index, ENTRY.published);
    this.fail(index, this.#error(index, 'content_mismatch', message), { keepsPart: true });
  }

  /** What failed, in the order of the entries; at most the first so many. */
  fileErrors(): FileError[] {
    return [...this.#errors].sort(([a], [b]) => a - b).map(([, error]) => error);
  }

  /** A line of the receipt for each entry. */
  *receiptLines(): Generator<ReceiptFile> {
    for (let index = 0; index < this.#table.length; index += 1) yield this.#receiptLine(index);
  }

  #addRecord(index: number, record: TrailerRecord): void {
    const isFile = this.#table.kind(index) === WIRE_KIND.file;
    if (isFile === (record.status === 'none')) throw lie(`that of entry ${index} is of no use`);
    if (record.status === 'none') {
      this.markReady(index);
    } else if (record.status === 'bad') {
      const code: ErrorCode = isErrorCode(record.code) ? record.code : 'io_error';
      this.fail(index, sourceFault(`/${this.#table.pathText(index)}`, code));
    } else {
      this.#addDigest(index, record.digest);
    }
  }

  #addDigest(index: number, digest: Uint8Array): void {
    if (this.#table.is(index, SETTLED)) return;
    const held = this.#table.digest(index);
    if (this.#table.is(index, ENTRY.recorded | ENTRY.hashed)) {
      const isEqual = equal(held, digest);
      const isFirst = !this.#table.is(index, ENTRY.recorded);
      this.#table.set(index, ENTRY.recorded);
      if (isFirst || !isEqual) this.#judge(index, isEqual);
    } else {
      held.set(digest);
      this.#table.set(index, ENTRY.recorded);
    }
  }

  #judge(index: number, isEqual: boolean): void {
    if (isEqual) {
      this.markReady(index);
      return;
    }
    const path = `/${this.#table.pathText(index)}`;
    const message = `Cannot publish ${shownPath(path)}: its content is not what the sender has read`;
    this.fail(index, this.#error(index, 'integrity_failed', message));
  }

  #error(index: number, code: ErrorCode, message: string): FileError {
    return { destPath: `/${this.#table.pathText(index)}`, code, message };
  }

  #receiptLine(index: number): ReceiptFile {
    const kind = this.#table.kind(index);
    const line = {
      path: `/${this.#table.pathText(index)}`,
      kind: RECEIPT_KIND[kind] ?? 'file',
      size: this.#table.size(index),
      mtime: this.#table.mtimeus(index),
    } as const;
    if (this.#table.is(index, ENTRY.failed)) {
      const { code, message } = this.#errors.get(index) ?? UNNAMED;
      return { ...line, error: { code, message } };
    }
    if (kind !== WIRE_KIND.file) return line;
    return { ...line, blake3: Buffer.from(this.#table.digest(index)).toString('hex') };
  }
}
