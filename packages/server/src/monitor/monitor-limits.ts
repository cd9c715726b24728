/** Limits of the root monitor. Each has a row in docs/LIMITS.md. */

/** Bytes of one message between server and monitor: the arguments of a trigger are the most. */
export const MONITOR_LINE_BYTES_MAX = 524_288;
/** Triggers that run as accounts at the same time; further ones fail. */
export const TRIGGERS_RUN_MAX = 16;
/** Milliseconds beyond its time limit after which what watches a trigger is killed. */
export const TRIGGER_END_MS_MAX = 15_000;
/** Passwords that are checked at once; each check is a process. */
export const PASSWORD_CHECKS_MAX = 4;
/** Checks that wait for their turn; further ones fail. */
export const PASSWORD_CHECKS_WAITING_MAX = 64;
/** Milliseconds that one check may take. */
export const PASSWORD_CHECK_MS_MAX = 30_000;
/** Requests for agents that are being worked on; further ones are refused. */
export const AGENT_REQUESTS_MAX = 64;
/** Milliseconds for which the system's yes to an account is remembered. */
export const ACCOUNT_KEPT_MS = 10_000;
/** Milliseconds between two looks at the accounts of the agents that run. */
export const ACCOUNT_RECHECK_MS = 30_000;
/** Accounts whose yes is remembered. */
export const ACCOUNTS_KEPT_MAX = 1_000;
/** Milliseconds that the server may take to stop before it is killed. */
export const SERVER_STOP_MS_MAX = 45_000;
