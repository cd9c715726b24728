/** How long to wait between attempts to reach a server that went away. */
export interface ReconnectOptions {
  /** First delay in milliseconds; default 250. */
  readonly initialMs?: number;
  /** Longest delay in milliseconds; default 15,000. */
  readonly delayMsMax?: number;
  /** Milliseconds without success after which the client gives up; default 300,000. */
  readonly giveUpAfterMs?: number;
}

export const RECONNECT_DEFAULTS = {
  initialMs: 250,
  delayMsMax: 15_000,
  giveUpAfterMs: 300_000,
} as const;

/**
 * Delay before an attempt: doubles each time up to the maximum, then a random part between a half
 * and the whole of it, so that many clients of one restarted server do not return at once.
 *
 * @param attempt 0 for the first.
 * @param random Number from 0 (inclusive) to 1 (exclusive).
 */
export const reconnectDelayMs = (
  attempt: number,
  options: { readonly initialMs: number; readonly delayMsMax: number; readonly random: number },
): number => {
  const doubled = options.initialMs * 2 ** Math.min(attempt, 30);
  const delay = Math.min(doubled, options.delayMsMax);
  return Math.round(delay * (0.5 + options.random / 2));
};
