/** Opens a transfer for writing: anew, or where its journal says that it was. */
import { randomInt } from 'node:crypto';
import path from 'node:path';
import {
  CommandError,
  OVERWRITE_ALWAYS,
  OVERWRITE_BACKUP,
  OVERWRITE_NEVER,
} from '@jetstream/contract';
import { decodeTrailerBlock } from '@jetstream/transport';
import { ConfinedRoot } from '../adapters/disk/confined-root.js';
import { isWholeFileSystem } from '../adapters/disk/root-address.js';
import type { ChunkArena } from './chunk-arena.js';
import { ENTRY, EntryTable } from './entry-table.js';
import { Journal, RECORD, STATE_RECORDS_MAX, type StateRecord } from './journal.js';
import { OPEN_DIRECTORIES_MAX, TRANSFER_BYTES_MAX, TRANSFER_ENTRIES_MAX } from './limits.js';
import { LocalTarget } from './local-target.js';
import { type ListTotals, StorageError, type TargetOptions } from './storage.js';
import { TargetEntries } from './target-entries.js';
import { TargetFiles } from './target-files.js';
import { TargetHashes } from './target-hashes.js';
import { numbersOf, RememberedState } from './target-journal.js';
import { TargetOutcomes } from './target-outcomes.js';
import type { VerifierPoint } from './target-verifier.js';
import { TargetWhole } from './target-whole.js';

const JOURNAL_VERSION = 1;
const refuse = (what: string): StorageError =>
  new StorageError('peer_refused', `Cannot receive the transfer: ${what}`);

/** @throws {StorageError} `peer_refused` for ids or totals that cannot be. */
export const checkTargetOptions = (options: TargetOptions): void => {
  const { transferId, peerKeyId, totalFiles, totalBytes, overwriteMode } = options;
  if (!/^[0-9a-f]{8,64}$/.test(transferId)) throw refuse('its id is not made of hex digits');
  if (!/^[0-9A-Za-z_-]{1,128}$/.test(peerKeyId)) throw refuse('the id of its key is malformed');
  if ((totalFiles === null) !== (totalBytes === null)) throw refuse('one of its totals is missing');
  if (totalFiles !== null && totalBytes !== null) checkTotals(totalFiles, totalBytes);
  if (options.publishWhole === true) {
    if (options.components.length === 0) throw refuse('the root cannot be published as a whole');
    if (overwriteMode < OVERWRITE_NEVER) throw refuse('a whole cannot be written in place');
  }
  if (!isCount(overwriteMode, OVERWRITE_BACKUP)) {
    throw refuse(`its overwrite mode is ${overwriteMode}, expected 0 to ${OVERWRITE_BACKUP}`);
  }
};

const isCount = (value: number, max: number): boolean =>
  Number.isSafeInteger(value) && value >= 0 && value <= max;

const checkTotals = (totalFiles: number, totalBytes: number): void => {
  if (!isCount(totalFiles, TRANSFER_ENTRIES_MAX)) {
    throw refuse(`it has ${totalFiles} entries, expected at most ${TRANSFER_ENTRIES_MAX}`);
  }
  if (!isCount(totalBytes, TRANSFER_BYTES_MAX) || (totalFiles === 0 && totalBytes > 0)) {
    throw refuse(`it has ${totalBytes} bytes in ${totalFiles} entries`);
  }
};

/** Parts that exist before the journal is read. */
interface Drafts {
  readonly table: EntryTable;
  readonly entries: TargetEntries;
  readonly files: TargetFiles;
  readonly outcomes: TargetOutcomes;
  readonly remembered: RememberedState;
  /** What the journal must have been begun with: this, or the same without totals. */
  readonly optionsTexts: readonly string[];
}

/** Takes one record of the journal: what was accepted once is accepted again. */
const replay = (drafts: Drafts, type: number, payload: Buffer): void => {
  const { table, entries, outcomes, remembered, optionsTexts } = drafts;
  switch (type) {
    case RECORD.options:
      if (optionsTexts.includes(payload.toString())) return;
      throw new StorageError(
        'conflict',
        'Cannot go on with the transfer: it was begun with another destination or other totals',
      );
    case RECORD.entries:
      for (const { index, error } of entries.accept(payload).refused) outcomes.fail(index, error);
      return;
    case RECORD.trailers: {
      const block = decodeTrailerBlock(payload);
      if ('fault' in block || block.firstIndex + block.items.length > table.length) {
        throw new StorageError('internal', 'Cannot read the journal: its trailers are malformed');
      }
      outcomes.addRecords(block);
      return;
    }
    case RECORD.state:
      remembered.add(JSON.parse(payload.toString()) as StateRecord);
      return;
    default:
      throw new StorageError('internal', `Cannot read the journal: record type ${type} is unknown`);
  }
};

/**
 * Brings table and journal to what the disk shows.
 *
 * @returns Where hashing goes on.
 */
const restore = (drafts: Drafts, journal: Journal, hashes: TargetHashes): VerifierPoint | null => {
  const { table, files, outcomes, remembered } = drafts;
  for (const index of numbersOf(remembered.begun)) {
    // The name of one that was never synced may be gone; it is made anew.
    if (files.holds(index, 0)) table.set(index, ENTRY.begun);
  }
  for (const [index, error] of remembered.failed) outcomes.fail(index, error, { keepsPart: true });
  const { isChanged, ready } = remembered.reconcile(table, files);
  for (const index of numbersOf(remembered.published)) outcomes.markPublished(index);
  for (const index of ready) outcomes.markReady(index);
  // All of these are known to the journal.
  outcomes.takeFailed();
  const hashedTo = hashes.restore(remembered);
  if (isChanged || remembered.records > STATE_RECORDS_MAX) journal.compact(remembered.merged());
  return hashedTo;
};

/**
 * @param inUse Directories of the journals that are open: two targets must never share one.
 * @throws {StorageError} `peer_refused` for impossible totals, `conflict` when the transfer is open
 * already or was another one, or what the disk says.
 */
export const openLocalTarget = (
  arena: ChunkArena,
  options: TargetOptions,
  inUse: Set<string>,
): LocalTarget => {
  checkTargetOptions(options);
  const { transferId, peerKeyId, root: rootPath, overwriteMode } = options;
  const directory = path.join(options.journalDir, `${transferId}-${peerKeyId}`);
  if (inUse.has(directory)) {
    throw new StorageError('conflict', 'Cannot receive the transfer: it is being received already');
  }
  const partPrefix = `.jetpart-${transferId}${peerKeyId.slice(0, 8)}-`;
  const root = openRoot(rootPath);
  let journal: Journal | null = null;
  const final = options.components;
  const stageName = `${partPrefix}whole`;
  const whole =
    options.publishWhole === true
      ? new TargetWhole({ root, final, stageName, overwriteMode })
      : null;
  const components = whole?.stage ?? final;
  const table = new EntryTable();
  const files = new TargetFiles({
    ...{ root, table, components, partPrefix },
    overwriteMode: whole === null ? overwriteMode : OVERWRITE_ALWAYS,
    isConfined: !isWholeFileSystem(rootPath),
    begunInPlace: (index) => journal?.appendState({ begun: [[index, index + 1]] }),
  });
  const outcomes = new TargetOutcomes(table, files);
  const seed = randomInt(2 ** 32);
  const entries = new TargetEntries({
    ...{ table, totals: totalsOf(options), partPrefix, seed },
    depth: components.length,
  });
  const optionsText = optionsTextOf(options);
  const open = { totalFiles: null, totalBytes: null };
  const optionsTexts = [optionsText, optionsTextOf({ ...options, ...open })];
  const remembered = new RememberedState();
  const drafts = { table, entries, files, outcomes, remembered, optionsTexts };
  try {
    const read = (type: number, payload: Buffer): void => replay(drafts, type, payload);
    const opened = Journal.open(directory, read);
    journal = opened.journal;
    const hashes = new TargetHashes({ table, files, outcomes, journal });
    let hashedTo: VerifierPoint | null = null;
    if (opened.isNew) {
      journal.append(RECORD.options, Buffer.from(optionsText));
      whole?.begin();
    } else {
      hashedTo = restore(drafts, journal, hashes);
    }
    if (remembered.totals !== null) entries.end(remembered.totals);
    if (whole !== null) files.noteMade(components, components.length);
    inUse.add(directory);
    return new LocalTarget({
      ...{ options, arena, table, entries, files, outcomes, journal, hashes, hashedTo, whole },
      isMoving: remembered.moving,
      durable: remembered.durable.ranges(),
      isResumed: !opened.isNew,
      complete: remembered.complete ? remembered.verified : null,
      verified: remembered.verified,
      released: () => inUse.delete(directory),
    });
  } catch (error) {
    journal?.close();
    files.close();
    throw error;
  }
};

/** What the offer says of the whole list; null when it does not. */
export const totalsOf = ({ totalFiles, totalBytes }: TargetOptions): ListTotals | null =>
  totalFiles === null || totalBytes === null ? null : { files: totalFiles, bytes: totalBytes };

/** What a journal is begun with: a later attempt must be the same transfer. */
const optionsTextOf = (options: TargetOptions): string => {
  const { transferId, peerKeyId, root: rootPath, components, overwriteMode } = options;
  const { totalFiles, totalBytes } = options;
  return JSON.stringify({
    ...{ version: JOURNAL_VERSION, transferId, peerKeyId, rootPath, components },
    ...{ overwriteMode, totalFiles, totalBytes },
    ...(options.stopOnFileError === true ? { stopOnFileError: true } : {}),
    ...(options.publishWhole === true ? { publishWhole: true } : {}),
  });
};

const openRoot = (rootPath: string): ConfinedRoot => {
  try {
    return ConfinedRoot.open(rootPath, { directoriesMax: OPEN_DIRECTORIES_MAX });
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    throw new StorageError(error.code, error.message, { cause: error });
  }
};
