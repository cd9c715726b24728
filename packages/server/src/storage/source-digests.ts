/**
 * What became of each file that was read, kept for the receipt and for the next attempt: how far the
 * files are hashed (hash-memory.ts), then fixed records, so that it costs no memory. A record is a
 * status byte and the BLAKE3, or the code of the error in ASCII.
 */
import fs from 'node:fs';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { type ErrorCode, isErrorCode } from '@jetstream/contract';
import type { TrailerRecord } from '@jetstream/transport';
import { syncNames } from '../adapters/disk/sync-names.js';
import type { ReceiptFile } from '../receipts/receipt-format.js';
import { HASH_MEMORY_BYTES, HashMemory, type HashPoint } from './hash-memory.js';
import { sourceFault } from './source-files.js';
import type { SourceList } from './source-list.js';
import { DIGEST_BYTES, StorageError } from './storage.js';

const fdatasync = promisify(fs.fdatasync);
const RECORDS_AT = HASH_MEMORY_BYTES;
const RECORD_BYTES = 1 + DIGEST_BYTES;
/** Records that are written or read at once. */
const BATCH_RECORDS = 1024;
const STATUS = { unknown: 0, good: 1, none: 2, bad: 3 } as const;

/** Where an attempt goes on. */
export interface KeptDigests {
  /** Entries whose records are there. */
  readonly entries: number;
  /** Those of them that could not be read. */
  readonly bad: readonly (readonly [index: number, code: ErrorCode])[];
  /** How far the next file was hashed; null at its begin. */
  readonly point: HashPoint | null;
}

/** @see the head of this file */
export class SourceDigests {
  readonly #path: string;
  readonly #fd: number;
  readonly #memory: HashMemory;
  readonly #batch = Buffer.alloc(BATCH_RECORDS * RECORD_BYTES);
  #first = 0;
  #count = 0;

  /** @throws {StorageError} If the state directory cannot be used. */
  constructor(path: string) {
    this.#path = path;
    const { O_RDWR, O_CREAT, O_NOFOLLOW } = fs.constants;
    let fd = -1;
    try {
      fd = fs.openSync(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0o600);
      this.#fd = fd;
      this.#memory = new HashMemory(fd);
      if (fs.fstatSync(fd).size === 0) syncNames(dirname(path));
    } catch (cause) {
      if (fd !== -1) fs.closeSync(fd);
      const reason = (cause as NodeJS.ErrnoException).code ?? 'unreadable';
      throw new StorageError('io_error', `Cannot keep digests in "${path}": ${reason}`, { cause });
    }
  }

  /** Takes the record of an entry; those of one pass come in rising order. */
  set(index: number, record: TrailerRecord): void {
    const isNext = index === this.#first + this.#count && this.#count < BATCH_RECORDS;
    if (!isNext) {
      this.flush();
      this.#first = index;
    }
    const bytes = this.#batch.subarray(this.#count * RECORD_BYTES).subarray(0, RECORD_BYTES);
    bytes.fill(0);
    bytes[0] = STATUS[record.status];
    if (record.status === 'good') bytes.set(record.digest, 1);
    if (record.status === 'bad') bytes.write(record.code, 1, 'latin1');
    this.#count += 1;
  }

  /** Writes what is held. */
  flush(): void {
    const length = this.#count * RECORD_BYTES;
    const position = RECORDS_AT + this.#first * RECORD_BYTES;
    for (let at = 0; at < length; ) {
      at += fs.writeSync(this.#fd, this.#batch, at, length - at, position + at);
    }
    this.#first += this.#count;
    this.#count = 0;
  }

  /**
   * Keeps how far the files are hashed, once all records before are durable: a power cut leaves no
   * point that speaks of lost ones.
   *
   * @param isOpen Asked when the disk has answered: false when the file is closed.
   */
  async keep(point: HashPoint, isOpen: () => boolean): Promise<void> {
    this.flush();
    await fdatasync(this.#fd);
    if (isOpen()) this.#memory.keep(point);
  }

  /** Entries that earlier attempts have kept the records of. */
  get keptEntries(): number {
    return this.#memory.load()[0]?.index ?? 0;
  }

  /** What earlier attempts have left of a list with so many entries. */
  kept(length: number): KeptDigests {
    const [point] = this.#memory.load();
    const bad: [index: number, code: ErrorCode][] = [];
    const end = Math.min(point?.index ?? 0, length);
    let entries = 0;
    for (const record of this.records(0, end)) {
      if (record === null) return { entries, bad, point: null };
      if (record.status === 'bad') bad.push([entries, codeOf(record.code)]);
      entries += 1;
    }
    return { entries, bad, point: point !== undefined && end === point.index ? point : null };
  }

  /** Records of the entries from `first` to below `end`; null where there is none. */
  *records(first: number, end: number): Generator<TrailerRecord | null> {
    const batch = Buffer.alloc(BATCH_RECORDS * RECORD_BYTES);
    for (let index = first; index < end; index += 1) {
      const at = ((index - first) % BATCH_RECORDS) * RECORD_BYTES;
      if (at === 0) {
        batch.fill(0);
        fs.readSync(this.#fd, batch, 0, batch.length, RECORDS_AT + index * RECORD_BYTES);
      }
      const value = batch.subarray(at + 1, at + RECORD_BYTES);
      if (batch[at] === STATUS.good) yield { status: 'good', digest: Buffer.from(value) };
      else if (batch[at] === STATUS.bad) yield { status: 'bad', code: textOf(value) };
      else yield batch[at] === STATUS.none ? { status: 'none' } : null;
    }
  }

  /** A line of a receipt for each entry; call `flush` first. */
  *lines(list: SourceList): Generator<ReceiptFile> {
    let index = 0;
    for (const record of this.records(0, list.length)) {
      const entry = list.at(index);
      const line = {
        path: entry.destPath,
        kind: entry.kind,
        size: entry.size,
        mtime: entry.mtimeus,
      } as const;
      index += 1;
      if (record?.status === 'good') {
        yield { ...line, blake3: Buffer.from(record.digest).toString('hex') };
      } else if (record?.status === 'bad') {
        const { code, message } = sourceFault(entry.destPath, codeOf(record.code));
        yield { ...line, error: { code, message } };
      } else {
        yield line;
      }
    }
  }

  /** Lets go of the file as it is. */
  release(): void {
    fs.closeSync(this.#fd);
  }

  /** @param point Where a later attempt can go on; null to forget everything. */
  close(point: HashPoint | null): void {
    const forgets = point === null;
    try {
      if (!forgets) {
        this.flush();
        this.#memory.keep(point);
      }
    } finally {
      fs.closeSync(this.#fd);
    }
    if (forgets) fs.rmSync(this.#path, { force: true });
  }
}

const textOf = (value: Buffer): string => value.toString('latin1').replace(/\0+$/, '');

const codeOf = (text: string): ErrorCode => (isErrorCode(text) ? text : 'io_error');
