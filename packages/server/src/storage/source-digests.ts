/**
 * What became of each file that was read, kept for the receipt: a file of fixed records, so that it
 * costs no memory and outlives an attempt. A record is a status byte and the BLAKE3, or the code of
 * the error in ASCII.
 */
import fs from 'node:fs';
import { isErrorCode } from '@jetstream/contract';
import type { TrailerRecord } from '@jetstream/transport';
import type { ReceiptFile } from '../receipts/receipt-format.js';
import { sourceFault } from './source-files.js';
import type { SourceList } from './source-list.js';
import { DIGEST_BYTES, StorageError } from './storage.js';

const RECORD_BYTES = 1 + DIGEST_BYTES;
/** Records that are written or read at once. */
const BATCH_RECORDS = 1024;
const STATUS = { unknown: 0, good: 1, none: 2, bad: 3 } as const;

/** @see the head of this file */
export class SourceDigests {
  readonly #path: string;
  readonly #fd: number;
  readonly #batch = Buffer.alloc(BATCH_RECORDS * RECORD_BYTES);
  #first = 0;
  #count = 0;

  /** @throws {StorageError} If the state directory cannot be used. */
  constructor(path: string) {
    this.#path = path;
    const { O_RDWR, O_CREAT, O_NOFOLLOW } = fs.constants;
    try {
      this.#fd = fs.openSync(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0o600);
    } catch (cause) {
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
    const position = this.#first * RECORD_BYTES;
    for (let at = 0; at < length; ) {
      at += fs.writeSync(this.#fd, this.#batch, at, length - at, position + at);
    }
    this.#first += this.#count;
    this.#count = 0;
  }

  /** A line of a receipt for each entry; call `flush` first. */
  *lines(list: SourceList): Generator<ReceiptFile> {
    const batch = Buffer.alloc(BATCH_RECORDS * RECORD_BYTES);
    for (let index = 0; index < list.length; index += 1) {
      const at = (index % BATCH_RECORDS) * RECORD_BYTES;
      if (at === 0) {
        batch.fill(0);
        fs.readSync(this.#fd, batch, 0, batch.length, index * RECORD_BYTES);
      }
      const entry = list.at(index);
      const line = {
        path: entry.destPath,
        kind: entry.kind,
        size: entry.size,
        mtime: entry.mtimeus,
      } as const;
      const value = batch.subarray(at + 1, at + RECORD_BYTES);
      if (batch[at] === STATUS.good) yield { ...line, blake3: value.toString('hex') };
      else if (batch[at] === STATUS.bad) yield { ...line, error: faultOf(entry.destPath, value) };
      else yield line;
    }
  }

  close(forgets: boolean): void {
    if (!forgets) this.flush();
    fs.closeSync(this.#fd);
    if (forgets) fs.rmSync(this.#path, { force: true });
  }
}

const faultOf = (destPath: string, value: Buffer): { code: string; message: string } => {
  const text = value.toString('latin1').replace(/\0+$/, '');
  const { code, message } = sourceFault(destPath, isErrorCode(text) ? text : 'io_error');
  return { code, message };
};
