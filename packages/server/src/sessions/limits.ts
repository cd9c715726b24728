/**
 * Limits of logins. Each has a row in docs/LIMITS.md.
 *
 * @see docs/LIMITS.md, "Logins"
 */
const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;

export const LOGIN_LIMITS = {
  /** Failed logins of one account after which the next one has to wait: 1 s, then 2 s, 4 s … */
  accountFreeFailures: 3,
  /** Failed logins of one account that lock it. */
  accountLockFailures: 10,
  /** The same for one address, which may be that of many people. */
  addressFreeFailures: 20,
  addressLockFailures: 60,
  /** Logins by password from one address that are tried at once; more wait for their turn. */
  addressParallelMax: 4,
  lockMs: 10 * MINUTE_MS,
  /** Failures are forgotten after this long without another one. */
  forgetMs: 10 * MINUTE_MS,
  /** Failed logins by token that are written down in a while: from one address, and from all. */
  notedPerAddressMax: 60,
  notedMax: 1_000,
  notedWindowMs: 10 * MINUTE_MS,
  /** Accounts and addresses whose failures are remembered. */
  rememberedMax: 50_000,
  /** Logins by password that are computed at once; each takes a core and 19 MiB. */
  verifyParallelMax: 2,
  verifyWaitingMax: 256,
  /** How long a right password is right without being computed again. */
  verifiedMs: 2 * MINUTE_MS,
  verifiedMax: 1_000,
  /** How long the credentials of an HTTP call are remembered; revocation ends them at once. */
  httpCredentialsMs: MINUTE_MS,
  httpCredentialsMax: 10_000,
  /** How often changes by `jetstream users` are looked for. */
  revalidateMs: SECOND_MS,
  /** How often the accounts of the system are asked about that are logged in. */
  osRevalidateMs: 30 * SECOND_MS,
  /** API tokens of one user. */
  tokensPerUserMax: 10_000,
} as const;
