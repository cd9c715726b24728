/**
 * What a receiver must remember of a transfer to go on after any break: an append-only file of
 * records, `length u32 · type u8 · payload · check[8]`, where check is the start of the BLAKE3 of
 * all before it in the record. Loading stops at the first record that is not whole and cuts it off:
 * what was not synced was not promised either.
 *
 * File list and trailers lie here as they came over the wire; everything else is small JSON, one
 * object a checkpoint. When those have become many, loading writes the journal anew with one.
 */
import fs from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { blake3 } from '@napi-rs/blake-hash';
import { diskError } from '../adapters/disk/disk-error.js';
import { syncNames } from '../adapters/disk/sync-names.js';
import type { FileError } from '../data/data-plane.js';
import type { Verified } from '../receipts/receipt-format.js';
import { HashMemory, type HashPoint } from './hash-memory.js';
import { type ChunkRange, StorageError } from './storage.js';

const fdatasync = promisify(fs.fdatasync);
/** Beside the journal: how far the files are hashed. */
const HASHES_NAME = 'hashes';

/** Types of records. */
export const RECORD = { options: 1, entries: 2, trailers: 3, state: 4 } as const;

const HEAD_BYTES = 5;
const CHECK_BYTES = 8;
const RECORD_BYTES_MAX = 16 * 1024 * 1024;
/** State records that a journal may have before loading merges them. */
export const STATE_RECORDS_MAX = 256;
/** Ranges or files in one state record. */
const STATE_ITEMS_MAX = 10_000;

/** A range as the journal writes it. */
export type Pair = readonly [first: number, end: number];

/** What a checkpoint adds; all indices are of entries, `durable` is of chunks. */
export interface StateRecord {
  readonly durable?: readonly Pair[];
  /** About to get their final names: after a break, look which have. */
  readonly publishing?: readonly Pair[];
  readonly published?: readonly Pair[];
  readonly failed?: readonly (readonly [index: number, error: FileError])[];
  /** Files that this transfer has made under their final names. */
  readonly begun?: readonly Pair[];
  /** Files that are hashed and wait for the sender's record: digest as hex, and file-identity.ts. */
  readonly hashed?: readonly (readonly [index: number, digest: string, identity: string])[];
  /** The list has come to its end, which was not known before: entries and bytes. */
  readonly totals?: readonly [files: number, bytes: number];
  /** The whole is about to get its final name: after a break, look whether it has. */
  readonly moving?: true;
  /** How the files were verified after they were published; goes with `complete`. */
  readonly verified?: Verified;
  readonly complete?: true;
}

/** Called for each record in order. */
export type RecordReader = (type: number, payload: Buffer) => void;

export const pairsOf = (ranges: readonly ChunkRange[]): Pair[] =>
  ranges.map((range) => [range.first, range.end]);

const encode = (type: number, payload: Uint8Array): Buffer => {
  const record = Buffer.allocUnsafe(HEAD_BYTES + payload.length + CHECK_BYTES);
  record.writeUInt32BE(payload.length, 0);
  record[4] = type;
  record.set(payload, HEAD_BYTES);
  const body = record.subarray(0, HEAD_BYTES + payload.length);
  record.set(blake3(body).subarray(0, CHECK_BYTES), body.length);
  return record;
};

/** State records that hold at most so many items each. */
function* splitState(state: StateRecord): Generator<StateRecord> {
  const { complete, moving, verified, totals, ...lists } = state;
  for (const [name, items] of Object.entries(lists)) {
    for (let at = 0; at < items.length; at += STATE_ITEMS_MAX) {
      yield { [name]: items.slice(at, at + STATE_ITEMS_MAX) };
    }
  }
  if (totals !== undefined) yield { totals };
  if (moving) yield { moving };
  if (verified !== undefined) yield { verified };
  if (complete) yield { complete };
}

const readRecord = (fd: number, position: number): Buffer | null => {
  const head = Buffer.alloc(HEAD_BYTES);
  if (fs.readSync(fd, head, 0, HEAD_BYTES, position) < HEAD_BYTES) return null;
  const length = head.readUInt32BE(0);
  if (length > RECORD_BYTES_MAX) return null;
  const record = Buffer.allocUnsafe(HEAD_BYTES + length + CHECK_BYTES);
  for (let done = 0; done < record.length; ) {
    const read = fs.readSync(fd, record, done, record.length - done, position + done);
    if (read === 0) return null;
    done += read;
  }
  const body = record.subarray(0, HEAD_BYTES + length);
  const check = record.subarray(HEAD_BYTES + length);
  return blake3(body).subarray(0, CHECK_BYTES).equals(check) ? body : null;
};

/**
 * What the transfer of a journal was begun with, as JSON.
 *
 * @returns Null when there is no journal or nothing was ever remembered.
 */
export const readJournalOptions = (directory: string): string | null => {
  const { O_RDONLY, O_NOFOLLOW } = fs.constants;
  let fd: number;
  try {
    fd = fs.openSync(path.join(directory, 'journal'), O_RDONLY | O_NOFOLLOW);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw journalFailure(error);
  }
  try {
    const body = readRecord(fd, 0);
    if (body === null || body[4] !== RECORD.options) return null;
    return body.subarray(HEAD_BYTES).toString();
  } finally {
    fs.closeSync(fd);
  }
};

const journalFailure = (error: unknown): StorageError => {
  if (error instanceof StorageError) return error;
  const { code, message } = diskError('write', 'the journal of a transfer', error);
  return new StorageError(code, message, { cause: error });
};

/** @see the head of this file */
export class Journal {
  readonly #directory: string;
  readonly #hashesFd: number | null;
  readonly #hashes: HashMemory | null;
  #fd: number;
  #position: number;

  private constructor(directory: string, fd: number, place: { at: number; hashesFd?: number }) {
    this.#directory = directory;
    this.#fd = fd;
    this.#position = place.at;
    this.#hashesFd = place.hashesFd ?? null;
    this.#hashes = this.#hashesFd === null ? null : new HashMemory(this.#hashesFd);
  }

  /**
   * Opens the journal in `directory`, makes it when there is none, and reads it.
   *
   * @returns `isNew` when nothing was remembered.
   * @throws {StorageError} If the state directory cannot be used.
   */
  static open(directory: string, read: RecordReader): { journal: Journal; isNew: boolean } {
    const open: number[] = [];
    try {
      fs.mkdirSync(directory, { recursive: true, mode: 0o700 });
      const { O_RDWR, O_CREAT, O_NOFOLLOW } = fs.constants;
      const file = path.join(directory, 'journal');
      const fd = fs.openSync(file, O_RDWR | O_CREAT | O_NOFOLLOW, 0o600);
      open.push(fd);
      let position = 0;
      for (let body = readRecord(fd, 0); body !== null; body = readRecord(fd, position)) {
        read(body[4] as number, body.subarray(HEAD_BYTES));
        position += body.length + CHECK_BYTES;
      }
      fs.ftruncateSync(fd, position);
      const hashesFile = path.join(directory, HASHES_NAME);
      const hashesFd = fs.openSync(hashesFile, O_RDWR | O_CREAT | O_NOFOLLOW, 0o600);
      open.push(hashesFd);
      const journal = new Journal(directory, fd, { at: position, hashesFd });
      if (position === 0) {
        syncNames(directory);
        syncNames(path.dirname(directory));
        // Left by a journal of which nothing else is known.
        journal.forgetHashes();
      }
      return { journal, isNew: position === 0 };
    } catch (error) {
      for (const fd of open) fs.closeSync(fd);
      throw journalFailure(error);
    }
  }

  /** Adds a record; durable after the next `sync`. */
  append(type: number, payload: Uint8Array): void {
    const record = encode(type, payload);
    try {
      for (let done = 0; done < record.length; ) {
        const left = record.length - done;
        done += fs.writeSync(this.#fd, record, done, left, this.#position + done);
      }
      this.#position += record.length;
    } catch (error) {
      throw journalFailure(error);
    }
  }

  /** Adds what a checkpoint found out. */
  appendState(state: StateRecord): void {
    for (const part of splitState(state)) {
      this.append(RECORD.state, Buffer.from(JSON.stringify(part)));
    }
  }

  /** Makes all records so far durable. */
  async sync(): Promise<void> {
    try {
      await fdatasync(this.#fd);
    } catch (error) {
      throw journalFailure(error);
    }
  }

  /** Writes the journal anew: options, file list and trailers as they are, one merged state. */
  compact(state: StateRecord): void {
    const file = path.join(this.#directory, 'journal');
    let freshFd = -1;
    try {
      freshFd = fs.openSync(`${file}.new`, 'w+', 0o600);
      const fresh = new Journal(this.#directory, freshFd, { at: 0 });
      let position = 0;
      for (let body = readRecord(this.#fd, 0); body; body = readRecord(this.#fd, position)) {
        position += body.length + CHECK_BYTES;
        if (body[4] !== RECORD.state) fresh.append(body[4] as number, body.subarray(HEAD_BYTES));
      }
      fresh.appendState(state);
      fs.fsyncSync(fresh.#fd);
      fs.renameSync(`${file}.new`, file);
      syncNames(this.#directory);
      fs.closeSync(this.#fd);
      this.#fd = fresh.#fd;
      this.#position = fresh.#position;
    } catch (error) {
      if (freshFd !== -1 && freshFd !== this.#fd) fs.closeSync(freshFd);
      throw journalFailure(error);
    }
  }

  /** How far the files were hashed, the newest first; see hash-memory.ts. */
  hashPoints(): HashPoint[] {
    return this.#hashes?.load() ?? [];
  }

  /** Keeps how far the files are hashed; what it relies on must be durable. */
  keepHashes(point: HashPoint): void {
    this.#onHashes((hashes) => hashes.keep(point));
  }

  /** Makes what was kept last durable. */
  async syncHashes(): Promise<void> {
    try {
      if (this.#hashesFd !== null) await fdatasync(this.#hashesFd);
    } catch (error) {
      throw journalFailure(error);
    }
  }

  forgetHashes(): void {
    this.#onHashes((hashes) => hashes.forget());
  }

  close(): void {
    fs.closeSync(this.#fd);
    if (this.#hashesFd !== null) fs.closeSync(this.#hashesFd);
  }

  #onHashes(action: (hashes: HashMemory) => void): void {
    try {
      if (this.#hashes !== null) action(this.#hashes);
    } catch (error) {
      throw journalFailure(error);
    }
  }

  /** Closes and forgets everything. */
  remove(): void {
    this.close();
    fs.rmSync(this.#directory, { recursive: true, force: true });
  }
}
