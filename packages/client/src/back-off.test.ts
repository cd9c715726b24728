import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { reconnectDelayMs } from './back-off.js';

describe('reconnectDelayMs', () => {
  it('doubles, stays under the maximum, and never falls under half of it', () => {
    const at = (attempt: number, random: number): number =>
      reconnectDelayMs(attempt, { initialMs: 100, delayMsMax: 1000, random });
    expect([0, 1, 2, 3, 4].map((attempt) => at(attempt, 0))).toEqual([50, 100, 200, 400, 500]);
    fc.assert(
      fc.property(fc.nat(10_000), fc.double({ min: 0, max: 0.999, noNaN: true }), (n, random) => {
        const full = Math.min(1000, 100 * 2 ** Math.min(n, 30));
        expect(at(n, random)).toBeGreaterThanOrEqual(Math.floor(full / 2));
        expect(at(n, random)).toBeLessThanOrEqual(full);
      }),
    );
  });
});
