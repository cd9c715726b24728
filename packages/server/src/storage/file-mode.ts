import type { ConfinedRoot } from '../adapters/disk/confined-root.js';
import { errnoOf } from '../adapters/disk/disk-error.js';

/** Sets a file's permission bits, never others; one that belongs to someone else keeps its own. */
export const setPermissions = (root: ConfinedRoot, fd: number, mode: number): void => {
  try {
    root.setMode(fd, mode & 0o777);
  } catch (error) {
    if (errnoOf(error) !== 'EPERM') throw error;
  }
};
