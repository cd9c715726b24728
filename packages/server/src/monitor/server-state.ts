/** The account that the server proper runs as, and the directory that belongs to it. */
import { chmodSync, chownSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { OsAccounts } from '../adapters/os-accounts/os-accounts.js';
import { ConfigError } from '../config/config-error.js';

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

/**
 * Makes the state directory for the account.
 *
 * @throws {ConfigError} If it is there and belongs to someone else.
 */
export const prepareServerState = (directory: string, account: ServerAccount): void => {
  mkdirSync(dirname(directory), { recursive: true, mode: 0o755 });
  mkdirSync(directory, { recursive: true, mode: 0o700 });
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
