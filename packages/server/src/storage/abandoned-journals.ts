/**
 * Journals of received transfers that nobody goes on with, and the part files that only they know
 * of. The disk work is done by a disk thread of its own, which runs only while there is some.
 */
import { readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { readJournalOptions } from './journal.js';
import { SLOT_BYTES, type Storage, StorageError, type TargetOptions } from './storage.js';

const NAME = /^([0-9a-f]{8,64})-([0-9A-Za-z_-]{1,128})$/;

/** A journal as it lies in the state directory. */
export interface FoundJournal {
  readonly transferId: string;
  /** Absolute path of its directory. */
  readonly directory: string;
  /** When something was last written to it, microseconds since the epoch. */
  readonly changedUs: number;
}

export interface AbandonedJournalsOptions {
  readonly journalDir: string;
  readonly openStorage: (options: { readonly arena: SharedArrayBuffer }) => Promise<Storage>;
}

const hasCode = (error: unknown, code: string): boolean =>
  (error as NodeJS.ErrnoException | null)?.code === code;

/** @see the head of this file */
export class AbandonedJournals {
  readonly #options: AbandonedJournalsOptions;
  #storage: Promise<Storage> | null = null;

  constructor(options: AbandonedJournalsOptions) {
    this.#options = options;
  }

  /** All journals, of transfers that run as well. */
  async list(): Promise<FoundJournal[]> {
    const { journalDir } = this.#options;
    const found: FoundJournal[] = [];
    for (const name of await readdir(journalDir)) {
      const transferId = NAME.exec(name)?.[1];
      if (transferId === undefined) continue;
      const directory = path.join(journalDir, name);
      const changedUs = await lastChangeUs(directory);
      if (changedUs !== null) found.push({ transferId, directory, changedUs });
    }
    return found;
  }

  /**
   * Removes the part files of a transfer, then its journal. Nothing else may be at work on it.
   *
   * @throws {StorageError} When the files cannot be reached; the journal stays then.
   */
  async discard(journal: FoundJournal): Promise<void> {
    const options = targetOptionsOf(journal.directory, this.#options.journalDir);
    if (options === null) {
      // Broken before its first record: no file was made.
      await rm(journal.directory, { recursive: true, force: true });
      return;
    }
    // Nothing is received, so the arena is never written to.
    this.#storage ??= this.#options.openStorage({ arena: new SharedArrayBuffer(SLOT_BYTES) });
    const storage = await this.#storage;
    const target = await storage.openTarget(options);
    await target.discard();
  }

  /** Ends the disk thread until it is needed again. */
  async rest(): Promise<void> {
    const storage = this.#storage;
    this.#storage = null;
    await (await storage)?.stop();
  }
}

const lastChangeUs = async (directory: string): Promise<number | null> => {
  for (const place of [path.join(directory, 'journal'), directory]) {
    try {
      return Math.round((await stat(place)).mtimeMs * 1000);
    } catch (error) {
      if (!hasCode(error, 'ENOENT')) throw error;
    }
  }
  return null;
};

const targetOptionsOf = (directory: string, journalDir: string): TargetOptions | null => {
  const text = readJournalOptions(directory);
  if (text === null) return null;
  const { rootPath, version, ...rest } = JSON.parse(text) as Record<string, unknown>;
  if (version !== 1 || typeof rootPath !== 'string') {
    throw new StorageError('internal', `Cannot read the journal in "${directory}": unknown form`);
  }
  return { ...rest, root: rootPath, journalDir } as unknown as TargetOptions;
};
