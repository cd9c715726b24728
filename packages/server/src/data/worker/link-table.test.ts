import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { shareOut } from './link-table.js';

describe('shareOut', () => {
  it('gives equal parts, and what one may not use to the others', () => {
    expect(shareOut(90, [Infinity, Infinity, Infinity])).toEqual([30, 30, 30]);
    expect(shareOut(90, [Infinity, 10, Infinity])).toEqual([40, 10, 40]);
    expect(shareOut(Infinity, [Infinity, 10])).toEqual([Infinity, 10]);
    expect(shareOut(90, [10, 20])).toEqual([10, 20]);
    expect(shareOut(90, [])).toEqual([]);
  });

  it('property: nobody gets more than its ceiling, all together not more than the total', () => {
    const rate = fc.double({ min: 1, max: 1e6, noNaN: true });
    fc.assert(
      fc.property(rate, fc.array(fc.oneof(rate, fc.constant(Infinity))), (total, ceilings) => {
        const shares = shareOut(total, ceilings);
        const sum = shares.reduce((a, b) => a + b, 0);
        shares.forEach((share, index) => {
          expect(share).toBeLessThanOrEqual(ceilings[index] ?? 0);
        });
        expect(sum).toBeLessThanOrEqual(total * (1 + 1e-9));
        const wanted = ceilings.reduce((a, b) => a + b, 0);
        if (ceilings.length > 0)
          expect(sum).toBeGreaterThanOrEqual(Math.min(total, wanted) * (1 - 1e-9));
      }),
    );
  });
});
