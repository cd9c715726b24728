/**
 * A file agent: a process that works as one account of the operating system. It is started by the
 * monitor, gives up everything but that account before it takes its first message, and then makes
 * the calls of its connections, one at a time. It knows no network, no database and no secret.
 *
 * Descriptor 3 leads to the monitor, which sends connections over it; when it closes, the agent ends.
 */
import { AgentLoop } from './agent-loop.js';
import { accountOf, becomeAccount } from './become-account.js';

/** Descriptor that leads to the monitor. */
const MONITOR_FD = 3;

const given = process.argv.slice(2);
becomeAccount(accountOf(given));
process.chdir('/');
new AgentLoop({ monitorFd: MONITOR_FD, idleMs: Number(given[3]) }).run();
process.exit();
