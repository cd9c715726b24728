/** What one transfer being written is made of; open-target.ts puts it together. */
import type { Verified } from '../receipts/receipt-format.js';
import type { ChunkArena } from './chunk-arena.js';
import type { EntryTable } from './entry-table.js';
import type { Journal } from './journal.js';
import type { ChunkRange, TargetOptions } from './storage.js';
import type { TargetEntries } from './target-entries.js';
import type { TargetFiles } from './target-files.js';
import type { TargetHashes } from './target-hashes.js';
import type { TargetOutcomes } from './target-outcomes.js';
import type { VerifierPoint } from './target-verifier.js';
import type { TargetWhole } from './target-whole.js';

/** @see the head of this file */
export interface TargetParts {
  readonly options: TargetOptions;
  readonly arena: ChunkArena;
  readonly table: EntryTable;
  readonly entries: TargetEntries;
  readonly files: TargetFiles;
  readonly outcomes: TargetOutcomes;
  readonly journal: Journal;
  readonly hashes: TargetHashes;
  /** Where an earlier attempt was in hashing; null at the start of a file. */
  readonly hashedTo: VerifierPoint | null;
  /** What makes everything appear at once; null when each file appears by itself. */
  readonly whole: TargetWhole | null;
  /** Whether an earlier attempt may have given the whole its name. */
  readonly isMoving: boolean;
  readonly durable: readonly ChunkRange[];
  /** Whether an earlier attempt may have left part files that nothing here knows of. */
  readonly isResumed: boolean;
  /** How it was verified when it is complete; null when it is not. */
  readonly complete: Verified | null;
  /** How it was verified before the whole began to move. */
  readonly verified: Verified;
  /** Called once when everything is closed. */
  released(): void;
}
