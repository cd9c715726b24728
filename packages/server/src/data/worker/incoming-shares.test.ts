import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { divide, IncomingShares, type IncomingUse } from './incoming-shares.js';

interface Flow extends IncomingUse {
  receiving: boolean;
  bytesReceived: number;
}
const TURN_US = 100_000;

const lab = (count: number) => {
  const flows: Flow[] = Array.from({ length: count }, () => ({
    receiving: true,
    bytesReceived: 0,
  }));
  const shares = new IncomingShares(() => flows);
  /** Each flow receives as much as it may and can, bytes per microsecond. */
  const turn = (...able: readonly number[]) => {
    flows.forEach((flow, index) => {
      flow.bytesReceived += Math.min(shares.of(flow), able[index] ?? 0) * TURN_US;
    });
    shares.turn(TURN_US);
  };
  return { flows, shares, turn, all: () => flows.map((flow) => shares.of(flow)) };
};

describe('divide', () => {
  it('never gives out more or less than there is', () => {
    const want = fc.oneof(fc.double({ min: 0, max: 100, noNaN: true }), fc.constant(Infinity));
    fc.assert(
      fc.property(fc.array(want, { minLength: 1, maxLength: 20 }), (wanted) => {
        const shares = divide(10, wanted);
        expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(10);
        for (const share of shares) expect(share).toBeGreaterThanOrEqual(0);
      }),
    );
  });
});

describe('IncomingShares', () => {
  it('limits nothing until there is a limit', () => {
    const { all, turn } = lab(2);
    turn(5, 5);
    expect(all()).toEqual([Infinity, Infinity]);
  });

  it('is equal at first, and gives what one cannot use to the others', () => {
    const { shares, all, turn } = lab(2);
    shares.setTotal(10);
    expect(all()).toEqual([5, 5]);
    for (let i = 0; i < 5; i += 1) turn(1, 100);
    const [slow = 0, fast = 0] = all();
    expect(slow).toBeGreaterThan(1);
    expect(slow).toBeLessThan(1.5);
    expect(fast).toBeCloseTo(10 - slow);
  });

  it('lets a slow flow grow back to an equal part', () => {
    const { shares, all, turn } = lab(2);
    shares.setTotal(10);
    for (let i = 0; i < 5; i += 1) turn(1, 100);
    for (let i = 0; i < 10; i += 1) turn(100, 100);
    expect(all()[0]).toBeCloseTo(5);
  });

  it('makes room for a newcomer at once', () => {
    const { shares, all, turn, flows } = lab(2);
    shares.setTotal(10);
    for (let i = 0; i < 5; i += 1) turn(1, 100);
    flows.push({ receiving: true, bytesReceived: 0 });
    expect(shares.of(flows[2] as Flow)).toBeCloseTo(10 / 3);
    expect(all().reduce((sum, share) => sum + share, 0)).toBeCloseTo(10);
  });

  it('follows a change of the limit', () => {
    const { shares, all, turn } = lab(2);
    shares.setTotal(10);
    for (let i = 0; i < 5; i += 1) turn(1, 100);
    shares.setTotal(2);
    expect(all().reduce((sum, share) => sum + share, 0)).toBeCloseTo(2);
    shares.setTotal(Infinity);
    expect(all()).toEqual([Infinity, Infinity]);
    shares.setTotal(4);
    expect(all()).toEqual([2, 2]);
  });
});
