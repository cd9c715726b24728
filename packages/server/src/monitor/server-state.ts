/** The accounts of the server itself, and the directory that belongs to it. */
import { chmodSync, chownSync, readdirSync, statSync } from 'node:fs';
import type { OsAccounts } from '../adapters/os-accounts/os-accounts.js';
import { makeDirectory } from '../adapters/state-dir/make-directory.js';
import { ConfigError } from '../config/config-error.js';
import { isAccountName } from './granted-users.js';
import { DEFAULT_FILES_ACCOUNT } from './monitor-options.js';

export interface ServerAccount {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/**
 * Finds the account.
 *
 * @throws {ConfigError} If there is none, or it is the superuser's.
 */
export const findServerAccount = async (
  name: string,
  accounts: Pick<OsAccounts, 'findUser'>,
): Promise<ServerAccount> => {
  const found = await accounts.findUser(name);
  if (found === null) {
    throw new ConfigError(
      'server-account',
      `there is no account "${name}"`,
      'an unprivileged account of its own: make it with "useradd --system --user-group --home-dir /var/lib/jetstream --shell /usr/sbin/nologin jetstream" or packaging/sysusers.conf, or start with --single-process to serve everybody as root',
    );
  }
  const [uid, gid] = [Number(found.id), Number(found.groupId)];
  if (uid > 0 && gid > 0) return { name, uid, gid };
  throw new ConfigError('server-account', `"${name}" is the superuser`, 'an unprivileged account');
};

const FILES_ACCOUNT = 'an unprivileged account that is not the one of --server-account';

/**
 * Finds the account that built-in users without an account of the machine work as. It is another one
 * than the server's, so that the kernel keeps them out of the server's state.
 *
 * @returns Null for none: that of the default name may be missing.
 * @throws {ConfigError} If it cannot be used.
 */
export const findFilesAccount = async (
  name: string | null,
  server: ServerAccount,
  accounts: Pick<OsAccounts, 'findUser'>,
): Promise<ServerAccount | null> => {
  if (name === null) return null;
  const found = isAccountName(name) ? await accounts.findUser(name) : null;
  if (found === null && name === DEFAULT_FILES_ACCOUNT) return null;
  if (found === null) {
    throw new ConfigError('files-account', `there is no account "${name}"`, FILES_ACCOUNT);
  }
  const [uid, gid] = [Number(found.id), Number(found.groupId)];
  if (uid > 0 && gid > 0 && uid !== server.uid && gid !== server.gid) return { name, uid, gid };
  throw new ConfigError('files-account', `"${name}" is user id ${uid}`, FILES_ACCOUNT);
};

/**
 * Makes the state directory for the account.
 *
 * @throws {ConfigError} If it is there and belongs to someone else.
 * @throws {Error} If it cannot be made.
 */
export const prepareServerState = (directory: string, account: ServerAccount): void => {
  makeDirectory(directory, { mode: 0o700, modeAbove: 0o755 });
  const { uid } = statSync(directory);
  if (uid === 0 && readdirSync(directory).length === 0) {
    chownSync(directory, account.uid, account.gid);
  } else if (uid !== account.uid) {
    throw new ConfigError(
      'persistent-state-dir',
      `"${directory}" belongs to user id ${uid}`,
      `one of the account "${account.name}" (chown -R ${account.name}: "${directory}")`,
    );
  }
  chmodSync(directory, 0o700);
};
