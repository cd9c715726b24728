/**
 * A file agent: a process that works as one account of the operating system. It is started by the
 * monitor, gives up everything but that account before it takes its first message, and then makes
 * the calls of its connections, one at a time. It knows no network, no database and no secret.
 *
 * Descriptor 3 leads to the monitor, which sends connections over it; when it closes, the agent ends.
 */
import { AgentLoop } from './agent-loop.js';
import { nativeProcesses } from './message-socket.js';

/** Descriptor that leads to the monitor. */
const MONITOR_FD = 3;
const UMASK = 0o022;

interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

const [name = '', uid, gid, idleMs] = process.argv.slice(2);

/** Becomes the account, for good. */
const become = (account: Account): void => {
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

become({ name, uid: Number(uid), gid: Number(gid) });
process.chdir('/');
new AgentLoop({ monitorFd: MONITOR_FD, idleMs: Number(idleMs) }).run();
process.exit();
