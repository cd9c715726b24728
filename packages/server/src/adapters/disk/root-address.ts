/**
 * Where a root lies and as whom it is used, as one text that travels with every file list, journal
 * and task: `/srv/media` is used as the account of this process, `alice:/home/alice` as that account
 * of the operating system, through its file agent. A root without its owner cannot be written down,
 * so no part of the server can forget on whose behalf it works.
 */
import { CommandError } from '@jetstream/contract';
import { shownPath } from './disk-error.js';

export interface RootAddress {
  /** Account of the operating system; null for the account of this process. */
  readonly owner: string | null;
  /** Absolute directory. */
  readonly directory: string;
}

/** Names of accounts that can own a root: a narrow set, because they are asked of the system. */
const OWNER = /^[A-Za-z0-9_][A-Za-z0-9_.@-]{0,63}$/;

/** Whether an account of this name can own a root. */
export const isOwnerName = (name: string): boolean => OWNER.test(name);

/**
 * Reads a root address.
 *
 * @throws {CommandError} `path_invalid`.
 */
export const parseRootAddress = (text: string): RootAddress => {
  if (text.startsWith('/')) return { owner: null, directory: text };
  const colon = text.indexOf(':');
  const owner = text.slice(0, Math.max(colon, 0));
  const directory = text.slice(colon + 1);
  if (isOwnerName(owner) && directory.startsWith('/')) return { owner, directory };
  throw new CommandError(
    'path_invalid',
    `Cannot use the root ${shownPath(text)}: expected an absolute directory`,
  );
};

/** Whether a root, whoever owns it, is the whole file system, which nothing leads out of. */
export const isWholeFileSystem = (address: string): boolean =>
  /^\/+$/.test(parseRootAddress(address).directory);

/** The text of a root address. */
export const formatRootAddress = ({ owner, directory }: RootAddress): string =>
  owner === null ? directory : `${owner}:${directory}`;
