/**
 * The disk side of the data plane, as a data worker sees it: one disk thread per data worker reads
 * and hashes what is sent, verifies and writes what is received, and makes it durable. Payload
 * crosses in chunks that lie in an arena (SharedArrayBuffer) that both threads map; only short
 * messages travel.
 *
 * Linear space: the files of a transfer lie end to end in manifest order, cut into chunks of
 * {@link CHUNK_BYTES}; the last chunk may be shorter. Directories and links take no space.
 */
import type { ErrorCode } from '@jetstream/contract';
import type { FileError, VerifyMode } from '../data/data-plane.js';
import type { ReceiptHead, ReceiptTotals, Verified } from '../receipts/receipt-format.js';

/** Bytes of a chunk, the unit of integrity and resume. */
export const CHUNK_BYTES = 256 * 1024;
/** Bytes of the BLAKE3 digest that follows each chunk in the arena and on the wire. */
export const DIGEST_BYTES = 32;
/** Arena bytes that one chunk takes: content, digest, padding to a cache line. */
export const SLOT_BYTES = CHUNK_BYTES + 64;
/** Chunks that are best asked for together: a message to the disk does for so many, and more hold up the first. */
export const CHUNKS_AT_ONCE = 4;

/** Half-open range of chunk indices. */
export interface ChunkRange {
  readonly first: number;
  readonly end: number;
}

/** A piece of the file list, encoded and compressed; see transport/entry-block.ts. */
export interface EntryBlock {
  readonly bytes: Uint8Array;
  readonly files: number;
  /** Linear bytes of the list up to and with this block. */
  readonly endByte: number;
}

/** What a whole file list holds. */
export interface ListTotals {
  /** All entries, directories included. */
  readonly files: number;
  readonly bytes: number;
}

/**
 * What the sender knows of files that it has read to the end: encoded records (first file index,
 * then status and BLAKE3 of each). A file without a good record is never published.
 */
export interface TrailerBlock {
  readonly bytes: Uint8Array;
}

/** A receipt that only lacks its seal; see receipts/receipt-writer.ts. */
export interface ReceiptDraft {
  readonly sha256: string;
  readonly totals: ReceiptTotals;
}

export interface SourceOptions {
  readonly transferId: string;
  /** File that keeps the digests of what was read, for receipt and resume; made when absent. */
  readonly digestsPath: string;
  /** Milliseconds between two times that progress in hashing is kept; 1,000 when absent. */
  readonly keepEveryMs?: number;
  /** Absolute path of the manifest's file list. */
  readonly listPath: string;
  /** Both null while the manifest is being made: the list is read as it grows, to its end. */
  readonly totalFiles: number | null;
  readonly totalBytes: number | null;
  /** Milliseconds between two looks at a list that grows; 50 when absent. */
  readonly lookEveryMs?: number;
  /** False takes zeros in place of what the files hold, for performance tests; absent is true. */
  readonly reads?: boolean;
}

/** One transfer being read. Calls may overlap; chunks are best asked for in rising order. */
export interface Source {
  /** Next part of the file list, about 64 KiB encoded; null at its end. Waits while the list grows. */
  nextEntries(): Promise<EntryBlock | null>;
  /** What the whole list holds; null while it grows. */
  totals(): Promise<ListTotals | null>;
  /** Begins anew with entries and records; calls that wait get null. */
  rewind(): void;
  /**
   * Reads one chunk into the arena at `arenaOffset` and writes its BLAKE3 right behind the content.
   * Parts of files that cannot be read are zeros; such a file gets a bad trailer record.
   *
   * @returns Content bytes: `CHUNK_BYTES`, or fewer for the last chunk.
   */
  readChunk(chunk: number, arenaOffset: number): Promise<number>;
  /** Tells which chunks will not be asked for, because the receiver has them. */
  skip(ranges: readonly ChunkRange[]): void;
  /** Resolves with the next records as files get finished, in file order; null after the last. */
  nextTrailers(): Promise<TrailerBlock | null>;
  /** Files that failed so far. */
  fileErrors(): Promise<readonly FileError[]>;
  /** Writes what this side has read, as a receipt that is to be sealed. */
  writeReceipt(file: string, head: ReceiptHead): Promise<ReceiptDraft>;
  /** @param forgets Whether the digests are thrown away: no other attempt needs them. */
  close(forgets?: boolean): Promise<void>;
}

export interface TargetOptions {
  readonly transferId: string;
  /** Hash of the sending server's key: two senders can never meet in one transfer. */
  readonly peerKeyId: string;
  /** Directory of this server's own state for received transfers; made when absent. */
  readonly journalDir: string;
  /** Address of the directory that nothing may leave; see `root-address.ts`. */
  readonly root: string;
  /** Validated components below `root` under which everything goes. */
  readonly components: readonly string[];
  readonly overwriteMode: number;
  /** The transfer ends with the first file that fails. */
  readonly stopOnFileError?: boolean;
  /** Everything appears at once, or nothing: implies {@link stopOnFileError}. */
  readonly publishWhole?: boolean;
  /** `chunks` when absent. */
  readonly verifyMode?: VerifyMode;
  /** Both null for a list without a known end, which comes by `endEntries`. */
  readonly totalFiles: number | null;
  readonly totalBytes: number | null;
  /** False verifies what comes and discards it, for performance tests; absent is true. */
  readonly writes?: boolean;
}

/** What the journal remembers when a transfer comes back. */
export interface TargetState {
  /** Chunks that are verified and durable, merged and sorted. */
  readonly durable: readonly ChunkRange[];
  /** Not null when this transfer was already complete: only its end is to be told again. */
  readonly complete: TargetResult | null;
  /** What the whole list holds; null when it has no end yet. */
  readonly totals: ListTotals | null;
  /** Linear bytes of the entries that are here already. */
  readonly listedBytes: number;
}

export interface TargetResult {
  readonly fileErrors: readonly FileError[];
  readonly verified: Verified;
}

/** Outcome of handing over a chunk. `bad digest`: fetch it again. */
export type WriteOutcome = 'written' | 'bad digest';

/** One transfer being written. */
export interface Target {
  readonly state: TargetState;
  /**
   * Adds the next part of the file list; peers' names are hostile input. Repeats are ignored.
   *
   * @returns Entries and linear bytes of the list so far: chunks below may be written.
   */
  addEntries(block: Uint8Array): Promise<{ endByte: number; files: number }>;
  /**
   * Tells the end of a list whose totals were not known.
   *
   * @throws {StorageError} `peer_refused` unless all entries are here.
   */
  endEntries(totals: ListTotals): Promise<void>;
  /** Records of finished files from the sender. */
  addTrailers(block: Uint8Array): Promise<void>;
  /** Verifies a chunk in the arena against the digest behind it, and writes it to the files. */
  writeChunk(chunk: number, arenaOffset: number, length: number): Promise<WriteOutcome>;
  /**
   * Makes everything written so far durable, publishes finished files, journals it.
   *
   * @returns Chunks that became durable since the last checkpoint.
   */
  checkpoint(): Promise<readonly ChunkRange[]>;
  /**
   * Last checkpoint, when all chunks, entries and trailers are there: publishes the rest.
   *
   * @throws {StorageError} If something is missing.
   */
  finish(): Promise<TargetResult>;
  /** Writes what has become of each file, as a receipt that is to be sealed; after `finish`. */
  writeReceipt(file: string, head: ReceiptHead): Promise<ReceiptDraft>;
  /** Closes files and keeps journal and part files for a later attempt. */
  suspend(): Promise<void>;
  /** Closes files and removes journal and part files. */
  discard(): Promise<void>;
}

/** Failure that ends a whole transfer on this side. */
export class StorageError extends Error {
  override readonly name = 'StorageError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** One disk thread and the arena it maps. */
export interface Storage {
  openSource(options: SourceOptions): Promise<Source>;
  openTarget(options: TargetOptions): Promise<Target>;
  stop(): Promise<void>;
}
