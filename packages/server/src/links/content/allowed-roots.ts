/**
 * Whether the files of a link are still files of its owner, who may have been put into a narrower
 * sandbox, or given another account, since the manifest was made.
 */
import fs from 'node:fs';
import { CommandError } from '@jetstream/contract';
import { ConfinedRoot } from '../../adapters/disk/confined-root.js';
import { parseRootAddress, type RootAddress } from '../../adapters/disk/root-address.js';

/** Where a root really lies, as its owner sees it; where it is named to be when that cannot be told. */
const realPath = (address: string): string => {
  const { owner, directory } = parseRootAddress(address);
  try {
    if (owner === null) return fs.realpathSync(directory);
    const root = ConfinedRoot.open(address);
    try {
      const fd = root.openDirectory([]);
      try {
        return fs.readlinkSync(`/proc/self/fd/${fd}`);
      } finally {
        fs.closeSync(fd);
      }
    } finally {
      root.close();
    }
  } catch (error) {
    if (error instanceof CommandError && error.code === 'agent_unavailable') throw error;
    return directory;
  }
};

interface Place extends RootAddress {
  readonly real: string;
}

const placeOf = (address: string): Place => ({
  ...parseRootAddress(address),
  real: realPath(address),
});

const isWithin = (directory: string, root: string): boolean =>
  root === '/' || directory === root || directory.startsWith(`${root}/`);

/** Files of one account are never those of another, wherever they lie. */
const contains = (allowed: Place, root: Place): boolean =>
  allowed.owner === root.owner &&
  [allowed.directory, allowed.real].some(
    (each) => isWithin(root.directory, each) || isWithin(root.real, each),
  );

/**
 * Holds the roots of a manifest against those of its owner; both are addresses.
 *
 * @throws {CommandError} `not_found` when one lies outside, `agent_unavailable`.
 */
export const checkRoots = (roots: readonly string[], allowedRoots: readonly string[]): void => {
  const allowed = allowedRoots.map(placeOf);
  if (roots.map(placeOf).every((root) => allowed.some((each) => contains(each, root)))) return;
  throw new CommandError('not_found', 'Cannot use the link: its owner no longer sees the files');
};
