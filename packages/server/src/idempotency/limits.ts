/** Limits of calls with an idempotency key. Each has a row in docs/LIMITS.md. */
export const IDEMPOTENCY_LIMITS = {
  /** How long the answer of such a call is kept. */
  keptMs: 24 * 60 * 60 * 1000,
  /** Calls of one user whose answers are kept. */
  callsPerOwnerMax: 100_000,
  /** Outdated calls that one new call removes. */
  purgedPerCallMax: 100,
} as const;
