/** Moves between directories that are held open, and making their names durable. */
import fs from 'node:fs';
import { diskError, errnoOf } from './disk-error.js';
import type { ConfinedRoot, Identity } from './root-port.js';

/** An entry of an open directory. */
export interface EntryPlace {
  readonly directory: ConfinedRoot;
  readonly name: string;
}

/** @see ConfinedRoot.moveEntry */
export const moveEntry = (from: EntryPlace, to: EntryPlace): void =>
  from.directory.moveEntry(from.name, to.directory, to.name);

/** @see ConfinedRoot.liesBelow */
export const liesBelow = (directory: ConfinedRoot, above: Identity): boolean =>
  directory.liesBelow(above);

/**
 * Makes the names in a directory durable, where that is possible: it needs the right to read the
 * directory, and some file systems know no such thing.
 */
export const syncDirectory = (directory: ConfinedRoot): void => {
  let fd = -1;
  try {
    fd = directory.openDirectory([]);
    fs.fsyncSync(fd);
  } catch (error) {
    if (!['EACCES', 'EINVAL'].includes(errnoOf(error))) throw diskError('sync', '/', error);
  } finally {
    if (fd !== -1) fs.closeSync(fd);
  }
};
