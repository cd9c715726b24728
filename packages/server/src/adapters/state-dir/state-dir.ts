/**
 * The state directory: where it is, who may read it, and that only one server uses it. The lock is
 * one of the kernel's, held through SQLite, so a crash releases it.
 */
import { chmodSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import BetterSqlite from 'better-sqlite3';
import { makeDirectory } from './make-directory.js';

export { defaultStateDir } from './default-state-dir.js';

const LOCK_FILE = 'lock.db';
const PID_FILE = 'server.pid';

/**
 * Makes a state directory if it is missing and closes it to other accounts.
 *
 * @returns Its absolute path.
 * @throws {Error} If it cannot be made or belongs to another account.
 */
export const prepareStateDir = (directory: string): string => {
  const path = resolve(directory);
  makeDirectory(path, { mode: 0o700, modeAbove: 0o700 });
  const { uid, mode } = statSync(path);
  const ownUid = process.getuid?.() ?? uid;
  if (uid !== ownUid) {
    throw new Error(
      `Cannot use the state directory "${path}": it belongs to user id ${uid}, expected ${ownUid}`,
    );
  }
  if ((mode & 0o077) !== 0) chmodSync(path, 0o700);
  return path;
};

/** Process id of a server that uses a state directory, as it noted itself; null without one. */
export const runningServerPid = (directory: string): number | null => {
  const pid = Number(holderOf(directory));
  if (!Number.isSafeInteger(pid) || pid <= 0) return null;
  try {
    process.kill(pid, 0);
    return pid;
  } catch (error) {
    // It is there, and belongs to someone else.
    return (error as NodeJS.ErrnoException).code === 'EPERM' ? pid : null;
  }
};

export interface StateDirLock {
  release(): void;
}

const holderOf = (directory: string): string => {
  try {
    return readFileSync(join(directory, PID_FILE), 'utf8').trim();
  } catch {
    return 'unknown';
  }
};

/**
 * Takes the state directory for this process.
 *
 * @throws {Error} If another server holds it; the message names its process id.
 */
export const lockStateDir = (directory: string): StateDirLock => {
  const lock = new BetterSqlite(join(directory, LOCK_FILE), { timeout: 0 });
  try {
    chmodSync(join(directory, LOCK_FILE), 0o600);
    lock.exec('BEGIN EXCLUSIVE');
  } catch (cause) {
    lock.close();
    throw new Error(
      `Cannot use the state directory "${directory}": the server with process id ${holderOf(directory)} is using it, expected one that no server uses`,
      { cause },
    );
  }
  writeFileSync(join(directory, PID_FILE), `${process.pid}\n`, { mode: 0o600 });
  return {
    release: () => {
      rmSync(join(directory, PID_FILE), { force: true });
      lock.close();
    },
  };
};
