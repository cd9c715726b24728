/** Messages between the main thread and a content thread, which reads what browsers download. */
import type { FileFailure } from '../../files/file-messages.js';
import type { EntryKind } from '../../storage/list-format.js';

/** The file list of a manifest, and the directories that its sources may lie in now. */
export interface ContentPlace {
  readonly listPath: string;
  /** Absolute directories of the owner. */
  readonly allowedRoots: readonly string[];
}

/** What to open: one file by its position in the list, or all of them as an archive. */
export type ContentChoice =
  | { readonly kind: 'file'; readonly index: number }
  | { readonly kind: 'archive' };

/** What was opened. */
export interface ContentFacts {
  readonly size: number;
  /** Modification time of a file, microseconds; null for an archive. */
  readonly mtimeus: number | null;
  /** Path of a file as the manifest has it; null for an archive. */
  readonly destPath: string | null;
}

/** An entry as a page shows it. */
export interface ListedEntry {
  readonly index: number;
  readonly kind: EntryKind;
  readonly destPath: string;
  readonly size: number;
}

export interface ListedPage {
  readonly entries: readonly ListedEntry[];
  readonly totalEntries: number;
  readonly totalFiles: number;
  readonly totalBytes: number;
}

export type ContentCommand =
  | {
      readonly kind: 'list';
      readonly id: number;
      readonly place: ContentPlace;
      readonly offset: number;
      readonly limit: number;
    }
  | {
      readonly kind: 'open';
      readonly id: number;
      readonly place: ContentPlace;
      readonly choice: ContentChoice;
    }
  /** Says which bytes are wanted, end exclusive. */
  | { readonly kind: 'begin'; readonly id: number; readonly start: number; readonly end: number }
  | { readonly kind: 'pull'; readonly id: number }
  | { readonly kind: 'close'; readonly id: number };

export type ContentReply =
  | { readonly kind: 'listed'; readonly id: number; readonly page: ListedPage }
  | { readonly kind: 'opened'; readonly id: number; readonly facts: ContentFacts }
  /** Null at the end. */
  | { readonly kind: 'chunk'; readonly id: number; readonly bytes: Uint8Array | null }
  | { readonly kind: 'failed'; readonly id: number; readonly failure: FileFailure };
