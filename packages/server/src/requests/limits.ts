/**
 * Limits of requests. Each has a row in docs/LIMITS.md.
 *
 * @see docs/LIMITS.md, "Requests"
 */
export const REQUEST_LIMITS = {
  /** Requests of one user that have not ended. */
  runningPerOwnerMax: 1_000,
  /** Requests of all users that have not ended. */
  runningMax: 10_000,
  /** Results longer than this are kept in a file of their own. */
  resultInDatabaseBytesMax: 1_048_576,
  /** How often results that are too old are removed. */
  purgeIntervalMs: 60_000,
  /** Requests removed in one transaction. */
  purgeRowsMax: 1_000,
  /** Least time between two notifications about the progress of one request. */
  progressIntervalMs: 250,
} as const;
