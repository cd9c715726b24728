/** What root does before it works on the state of a server that runs as an account of its own. */
import { mkdirSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { openOsAccounts } from '../adapters/os-accounts/os-accounts.js';
import { defaultStateDir } from '../adapters/state-dir/default-state-dir.js';
import { ConfigError } from '../config/config-error.js';
import { GrantedUsers } from './granted-users.js';
import { DEFAULT_SERVER_ACCOUNT } from './monitor-options.js';
import { findServerAccount, prepareServerState } from './server-state.js';

const isRoot = (): boolean => process.getuid?.() === 0;

const ownerOf = (directory: string): { uid: number; gid: number } | null => {
  try {
    const { uid, gid } = statSync(directory);
    return { uid, gid };
  } catch {
    return null;
  }
};

/**
 * Becomes the account that a state directory belongs to, for good. The default directory is made for
 * the account of the server when it is missing and there is such an account.
 *
 * @param given The state directory; the default one when null.
 */
export const becomeStateOwner = async (given: string | null): Promise<void> => {
  if (!isRoot()) return;
  const directory = resolve(given ?? defaultStateDir());
  const accounts = openOsAccounts();
  const hasAccount = (await accounts.findUser(DEFAULT_SERVER_ACCOUNT)) !== null;
  if (given === null && ownerOf(directory) === null && hasAccount) {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    prepareServerState(directory, await findServerAccount(DEFAULT_SERVER_ACCOUNT, accounts));
  }
  const owner = ownerOf(directory);
  if (owner === null || owner.uid === 0) return;
  process.setgroups?.([]);
  process.setgid?.(owner.gid);
  process.setuid?.(owner.uid);
};

/**
 * Allows a server on a state directory to act as an account that a built-in user is mapped to.
 *
 * @param given The state directory; the default one when null.
 * @throws {ConfigError} If this is not root, or there is no such account.
 */
export const grantAccount = async (given: string | null, name: string): Promise<void> => {
  const shown = JSON.stringify(name);
  if (!isRoot()) {
    throw new ConfigError('os-user', shown, 'to be set by root, for a server that is run as root');
  }
  const account = await openOsAccounts().findUser(name);
  if (account === null) throw new ConfigError('os-user', shown, 'an account of this machine');
  new GrantedUsers(resolve(given ?? defaultStateDir())).add(name, Number(account.id));
};
