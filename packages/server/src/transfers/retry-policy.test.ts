import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mayRetry, RETRY_PAUSE_MS_MAX, RETRY_PAUSE_MS_MIN, retryPauseMs } from './retry-policy.js';

const broken = (failures: number) => ({ failures, code: 'flow_failed' as const });

const DAY_US = 86_400_000_000;

describe('retryPauseMs', () => {
  it('doubles from one second to a minute', () => {
    const full = [1, 2, 3, 4, 5, 6, 7, 8, 1000].map((failures) =>
      retryPauseMs(broken(failures), 1),
    );
    expect(full).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000]);
  });

  it('stays within a second while the receiver does not answer', () => {
    const code = 'destination_unreachable';
    const pauses = [1, 3, 10, 1000].map((failures) => retryPauseMs({ failures, code }, 1));
    expect(pauses).toEqual([1000, 1000, 1000, 1000]);
  });

  it('property: lies between half and all of the nominal pause, whatever the chance', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 10_000 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (failures, chance) => {
          const pause = retryPauseMs(broken(failures), chance);
          expect(pause).toBeGreaterThanOrEqual(RETRY_PAUSE_MS_MIN / 2);
          expect(pause).toBeLessThanOrEqual(RETRY_PAUSE_MS_MAX);
          expect(pause).toBeLessThanOrEqual(retryPauseMs(broken(failures), 1));
        },
      ),
    );
  });
});

describe('mayRetry', () => {
  it('allows attempts for so many days without progress, and none afterwards', () => {
    expect(mayRetry(5, 5, 7)).toBe(true);
    expect(mayRetry(5, 5 + 7 * DAY_US - 1, 7)).toBe(true);
    expect(mayRetry(5, 5 + 7 * DAY_US, 7)).toBe(false);
    expect(mayRetry(0, 2 * DAY_US, 1)).toBe(false);
    expect(mayRetry(0, DAY_US / 2, 0.5)).toBe(false);
    expect(mayRetry(5, 5, 0)).toBe(false);
  });
});
