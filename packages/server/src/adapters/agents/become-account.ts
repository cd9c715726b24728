/** How a process that root has started gives up everything but one account, for good. */
import { nativeProcesses } from './message-socket.js';

export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

const UMASK = 0o022;

/** Reads an account from the arguments that a process was started with. */
export const accountOf = ([name = '', uid, gid]: readonly (string | undefined)[]): Account => ({
  name,
  uid: Number(uid),
  gid: Number(gid),
});

/**
 * Becomes the account: its user, group and supplementary groups; nothing that this process starts
 * gains rights any more.
 *
 * @throws {Error} If that does not succeed in full.
 */
export const becomeAccount = (account: Account): void => {
  const { setgid, setuid, getuid, geteuid } = process;
  // The types of this version leave it out.
  const { initgroups } = process as { initgroups?: (user: string, group: number) => void };
  if (!initgroups || !setgid || !setuid || !getuid || !geteuid) throw new Error('Cannot run here');
  if (!Number.isInteger(account.uid) || !Number.isInteger(account.gid)) {
    throw new Error(`Cannot work for "${account.name}": its ids are no numbers`);
  }
  const native = nativeProcesses();
  native.forbidNewPrivileges();
  if (geteuid() === 0) {
    initgroups(account.name, account.gid);
    setgid(account.gid);
    setuid(account.uid);
  }
  // Again, because a change of the user makes the kernel decide anew.
  native.hideMemory();
  process.umask(UMASK);
  if (getuid() !== account.uid || geteuid() !== account.uid) {
    throw new Error(`Cannot work for "${account.name}": this is user ${getuid()}`);
  }
};
