/**
 * When a broken transfer is tried again. Pauses double from one second to a minute and vary by
 * chance, so that a thousand transfers whose receiver comes back do not knock at the same moment.
 *
 * A receiver that does not answer at all is another case: an attempt knocks about once a second for
 * half a minute and costs next to nothing, and the pause after it stays short, so that a receiver
 * that comes back after days is found within a second or two.
 */
import type { ErrorCode } from '@jetstream/contract';

/** Pause after the first broken attempt, in milliseconds. */
export const RETRY_PAUSE_MS_MIN = 1000;
/** Longest pause between two attempts, in milliseconds. */
export const RETRY_PAUSE_MS_MAX = 60_000;
/** Longest pause while the receiver does not answer, in milliseconds. */
export const UNREACHABLE_PAUSE_MS_MAX = 1000;
/** Days without progress after which a transfer is given up, when its maker says nothing. */
export const RETRY_DAYS = 7;

const MICROSECONDS_PER_DAY = 86_400_000_000;

/** What a pause depends on. */
export interface BrokenAttempt {
  /** Attempts in a row that broke without progress, at least 1. */
  readonly failures: number;
  /** Why the last one broke. */
  readonly code: ErrorCode | null;
}

/**
 * Pause before the next attempt, in milliseconds.
 *
 * @param chance From 0 (inclusive) to 1; the pause lies between half and all of its nominal length.
 */
export const retryPauseMs = ({ failures, code }: BrokenAttempt, chance: number): number => {
  const doublings = Math.min(Math.max(failures - 1, 0), 16);
  const most = code === 'destination_unreachable' ? UNREACHABLE_PAUSE_MS_MAX : RETRY_PAUSE_MS_MAX;
  const nominal = Math.min(RETRY_PAUSE_MS_MIN * 2 ** doublings, most);
  return Math.round(nominal * (0.5 + chance / 2));
};

/**
 * Whether another attempt is due at all.
 *
 * @param stalledSinceUs When the first attempt broke after which there was no progress.
 */
export const mayRetry = (stalledSinceUs: number, nowUs: number, retryDays: number): boolean =>
  nowUs - stalledSinceUs < retryDays * MICROSECONDS_PER_DAY;
