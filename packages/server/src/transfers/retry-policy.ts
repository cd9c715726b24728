/**
 * When a broken transfer is tried again. Pauses double from one second to a minute and vary by
 * chance, so that a thousand transfers whose receiver comes back do not knock at the same moment.
 */

/** Pause after the first broken attempt, in milliseconds. */
export const RETRY_PAUSE_MS_MIN = 1000;
/** Longest pause between two attempts, in milliseconds. */
export const RETRY_PAUSE_MS_MAX = 60_000;
/** Days without progress after which a transfer is given up, when its maker says nothing. */
export const RETRY_DAYS = 7;

const MICROSECONDS_PER_DAY = 86_400_000_000;

/**
 * Pause before the next attempt, in milliseconds.
 *
 * @param failures Attempts in a row that broke without progress, at least 1.
 * @param chance From 0 (inclusive) to 1; the pause lies between half and all of its nominal length.
 */
export const retryPauseMs = (failures: number, chance: number): number => {
  const doublings = Math.min(Math.max(failures - 1, 0), 16);
  const nominal = Math.min(RETRY_PAUSE_MS_MIN * 2 ** doublings, RETRY_PAUSE_MS_MAX);
  return Math.round(nominal * (0.5 + chance / 2));
};

/**
 * Whether another attempt is due at all.
 *
 * @param stalledSinceUs When the first attempt broke after which there was no progress.
 */
export const mayRetry = (stalledSinceUs: number, nowUs: number, retryDays: number): boolean =>
  nowUs - stalledSinceUs < retryDays * MICROSECONDS_PER_DAY;
