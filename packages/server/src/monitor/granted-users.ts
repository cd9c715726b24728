/**
 * Accounts that the monitor starts file agents for: those that have logged in with their password
 * through it, and those that the superuser has given to a built-in user. One small file each, in a
 * directory that belongs to root, beside the state directory, where the server proper cannot write:
 * a server that was taken over cannot name an account that never used it. The user id is written
 * down too, so that a later account of the same name starts anew. Removing a file takes the grant
 * back.
 */
import {
  closeSync,
  existsSync,
  fsyncSync,
  lstatSync,
  openSync,
  readFileSync,
  renameSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { syncNames } from '../adapters/disk/sync-names.js';
import { makeDirectory } from '../adapters/state-dir/make-directory.js';

/** What may stand in the name of a file, and is a name that the server uses. */
const NAME = /^[A-Za-z0-9_][A-Za-z0-9_.@-]{0,63}$/;
const OTHERS_WRITE = 0o022;
const STICKY = 0o1000;
const OTHERS_ANY = 0o077;

/** Whether a name can be that of an account that is acted for. */
export const isAccountName = (name: string): boolean => NAME.test(name) && !name.includes('..');

/** Where the grants of a state directory lie. */
export const grantsDirOf = (stateDir: string): string => `${stateDir}.granted`;

/** Refuses a directory that anyone but root could replace or write to. */
const checkOwned = (directory: string): void => {
  const own = lstatSync(directory);
  const above = lstatSync(dirname(directory));
  const isPrivate = own.isDirectory() && own.uid === 0 && (own.mode & OTHERS_ANY) === 0;
  const isSafeAbove = (above.mode & OTHERS_WRITE) === 0 || (above.mode & STICKY) !== 0;
  if (isPrivate && above.uid === 0 && isSafeAbove) return;
  throw new Error(
    `Cannot keep granted users in "${directory}": others than root can change it or the directory above it, expected a state directory (--persistent-state-dir) in a directory that only root can write to`,
  );
};

export class GrantedUsers {
  readonly #directory: string;

  /** @throws {Error} If the directory cannot be made or is open to others. */
  constructor(stateDir: string) {
    this.#directory = grantsDirOf(stateDir);
    // The server's account has to pass through what lies above its state.
    makeDirectory(this.#directory, { mode: 0o700, modeAbove: 0o755 });
    checkOwned(this.#directory);
  }

  /** Whether the account of this name and user id was granted. */
  has(name: string, uid: number): boolean {
    if (!isAccountName(name)) return false;
    try {
      return readFileSync(join(this.#directory, name), 'utf8').trim() === String(uid);
    } catch {
      return false;
    }
  }

  /** Whether an account of this name was granted, whatever its user id. */
  knows(name: string): boolean {
    return isAccountName(name) && existsSync(join(this.#directory, name));
  }

  /** Grants an account; durable when this returns. */
  add(name: string, uid: number): void {
    if (!isAccountName(name)) throw new Error(`Cannot grant the account ${JSON.stringify(name)}`);
    if (this.has(name, uid)) return;
    const path = join(this.#directory, name);
    // No name of an account begins with a dot.
    const draft = join(this.#directory, `.${name}`);
    const fd = openSync(draft, 'w', 0o600);
    try {
      writeSync(fd, `${uid}\n`);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(draft, path);
    syncNames(this.#directory);
  }
}
