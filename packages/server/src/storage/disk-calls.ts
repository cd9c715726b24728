/**
 * Messages between a data worker and its disk thread. Payload never travels in them. A message is a list
 * of calls, or of answers: what a message costs beyond its content is far more than that.
 */
import type { ErrorCode } from '@jetstream/contract';
import type { FileError } from '../data/data-plane.js';
import type { ReceiptHead } from '../receipts/receipt-format.js';
import type {
  ChunkRange,
  EntryBlock,
  ListTotals,
  ReceiptDraft,
  SourceOptions,
  TargetOptions,
  TargetResult,
  TargetState,
  TrailerBlock,
  WriteOutcome,
} from './storage.js';

/** What each call carries; `handle` names an open source or target. */
export interface DiskCalls {
  openSource: { options: SourceOptions };
  openTarget: { options: TargetOptions };
  nextEntries: { handle: number };
  totals: { handle: number };
  rewind: { handle: number };
  readChunk: { handle: number; chunk: number; arenaOffset: number };
  skip: { handle: number; ranges: readonly ChunkRange[] };
  nextTrailers: { handle: number };
  fileErrors: { handle: number };
  writeSentReceipt: { handle: number; file: string; head: ReceiptHead };
  close: { handle: number; forgets: boolean };
  addEntries: { handle: number; block: Uint8Array };
  endEntries: { handle: number; totals: ListTotals };
  addTrailers: { handle: number; block: Uint8Array };
  writeChunk: { handle: number; chunk: number; arenaOffset: number; length: number };
  checkpoint: { handle: number };
  finish: { handle: number };
  writeReceivedReceipt: { handle: number; file: string; head: ReceiptHead };
  suspend: { handle: number };
  discard: { handle: number };
  stop: Record<never, never>;
}

/** What each call answers. */
export interface DiskResults {
  openSource: number;
  openTarget: { handle: number; state: TargetState };
  nextEntries: EntryBlock | null;
  totals: ListTotals | null;
  rewind: undefined;
  readChunk: number;
  skip: undefined;
  nextTrailers: TrailerBlock | null;
  fileErrors: readonly FileError[];
  writeSentReceipt: ReceiptDraft;
  close: undefined;
  addEntries: { endByte: number; files: number };
  endEntries: undefined;
  addTrailers: undefined;
  writeChunk: WriteOutcome;
  checkpoint: readonly ChunkRange[];
  finish: TargetResult;
  writeReceivedReceipt: ReceiptDraft;
  suspend: undefined;
  discard: undefined;
  stop: undefined;
}

export type DiskOperation = keyof DiskCalls;

/** A call on its way to the disk thread. */
export type DiskCall = {
  [Operation in DiskOperation]: {
    readonly id: number;
    readonly operation: Operation;
    readonly call: DiskCalls[Operation];
  };
}[DiskOperation];

/** An answer on its way back. */
export type DiskAnswer =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: { readonly code: ErrorCode; readonly message: string } };
