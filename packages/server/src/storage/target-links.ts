/**
 * Symbolic links of a transfer that is received: made under a hidden name and renamed like files. The
 * text was checked when its entry came; here the way to the link is, because a directory that is itself
 * a link would change what the text means.
 */
import {
  CommandError,
  OVERWRITE_ALWAYS,
  OVERWRITE_IN_PLACE_ALWAYS,
  OVERWRITE_IN_PLACE_SAME_SIZE,
  OVERWRITE_NEVER,
} from '@jetstream/contract';
import type { ConfinedRoot } from '../adapters/disk/confined-root.js';
import { errnoOf, shownPath } from '../adapters/disk/disk-error.js';

/** A link is never written in place: what the modes mean for it. */
export const linkModeOf = (overwriteMode: number): number => {
  if (overwriteMode === OVERWRITE_IN_PLACE_ALWAYS) return OVERWRITE_ALWAYS;
  return overwriteMode <= OVERWRITE_IN_PLACE_SAME_SIZE ? OVERWRITE_NEVER : overwriteMode;
};

/** Whether a name is a link with this text. */
export const isLinkTo = (root: ConfinedRoot, at: readonly string[], text: string): boolean => {
  try {
    return root.lstat(at).isSymbolicLink() && root.readLink(at) === text;
  } catch {
    return false;
  }
};

/**
 * Makes the link; its directory exists.
 *
 * @throws {CommandError} `path_invalid` if a directory above it is a link.
 */
export const makeLink = (
  root: ConfinedRoot,
  at: readonly string[],
  { text, isConfined }: { readonly text: string; readonly isConfined: boolean },
): void => {
  for (let depth = 1; isConfined && depth < at.length; depth += 1) {
    if (!root.lstat(at.slice(0, depth)).isSymbolicLink()) continue;
    throw new CommandError(
      'path_invalid',
      `Cannot make a symbolic link below ${shownPath(`/${at.slice(0, depth).join('/')}`)}: ` +
        'it is a symbolic link itself',
    );
  }
  try {
    root.makeLink(at, text);
  } catch (error) {
    // Left by an attempt that broke; the name is our own.
    if (errnoOf(error) !== 'EEXIST' || !root.lstat(at).isSymbolicLink()) throw error;
    root.unlink(at);
    root.makeLink(at, text);
  }
};
