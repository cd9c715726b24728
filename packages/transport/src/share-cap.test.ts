import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ShareCap } from './share-cap.js';

const RTT_US = 40_000;
const PACKET = 1500;
const crowd = (rate: number, now: number) => ({
  rate,
  now,
  rttUs: RTT_US,
  queuedRttUs: RTT_US,
  packetBytes: PACKET,
});
const newCap = (standsFirm = true): ShareCap =>
  new ShareCap({ patience: 0, cutTo: 0.85, standsFirm });

/** Seconds after a cut at which the old rate is allowed again. */
const recoverSeconds = (rate: number): number => {
  const cap = newCap();
  cap.cut(crowd(rate, 1e6));
  let now = 1e6;
  while (cap.at(now) < rate * 0.999) now += 10_000;
  return (now - 1e6) / 1e6;
};

describe('ShareCap', () => {
  it('allows everything before anyone is met', () => {
    expect(newCap().at(5e6)).toBe(Infinity);
  });

  it('cuts once, comes back to the old rate, and vanishes above it', () => {
    const cap = newCap();
    cap.cut(crowd(50, 1e6));
    expect(cap.at(1e6)).toBeCloseTo(42.5, 5);
    cap.cut(crowd(40, 1e6 + RTT_US));
    expect(cap.at(1e6 + RTT_US)).toBeGreaterThan(42.5);
    expect(cap.at(60e6)).toBe(Infinity);
  });

  it('never falls while nobody is met', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.05, max: 1000, noNaN: true }),
        fc.array(fc.integer({ min: 1, max: 500_000 }), { maxLength: 40 }),
        (rate, steps) => {
          const cap = newCap();
          cap.cut(crowd(rate, 1e6));
          let now = 1e6;
          let last = cap.at(now);
          for (const step of steps) {
            now += step;
            const next = cap.at(now);
            expect(next).toBeGreaterThanOrEqual(last * (1 - 1e-9));
            last = next;
          }
        },
      ),
    );
  });

  it('lets slow flows come back sooner than fast ones', () => {
    expect(recoverSeconds(2)).toBeLessThan(recoverSeconds(60) / 2);
    expect(recoverSeconds(60)).toBeGreaterThan(3);
  });

  it('gives more room when it met the others at a lower rate than before', () => {
    const cap = newCap();
    cap.cut(crowd(50, 1e6));
    cap.cut(crowd(45, 4e6));
    expect(cap.at(4e6)).toBeLessThan(45 * 0.85);
  });

  it('stands firm against someone who does not answer, for a while', () => {
    const firm = newCap();
    const polite = newCap(false);
    for (let i = 0; i < 12; i += 1) {
      const now = 1e6 + i * 320_000;
      firm.cut(crowd(Math.min(20, firm.at(now)), now));
      polite.cut(crowd(Math.min(20, polite.at(now)), now));
    }
    const now = 1e6 + 12 * 320_000;
    expect(firm.isFirm(now)).toBe(true);
    expect(firm.at(now)).toBe(Infinity);
    expect(polite.at(now)).toBeLessThan(10);
    expect(firm.isFirm(now + 10e6)).toBe(false);
  });

  it('is back within eight seconds, however fast and long the path is', () => {
    const cap = newCap();
    const trips = { rttUs: 200_000, queuedRttUs: 300_000 };
    cap.cut({ rate: 120, now: 1e6, ...trips, packetBytes: 1450 });
    expect(cap.at(1e6)).toBeCloseTo(102, 0);
    expect(cap.at(9e6)).toBeCloseTo(120, 0);
    expect(cap.at(15e6)).toBeGreaterThan(126);
    expect(cap.at(19e6)).toBe(Infinity);
  });

  it('with patience it stays low at first, and reaches the old rate when that is over', () => {
    const cap = new ShareCap({ patience: 12, cutTo: 0.1, standsFirm: false });
    const trips = { rttUs: 40_000, queuedRttUs: 50_000 };
    cap.cut({ rate: 20, now: 1e6, ...trips, packetBytes: 1250 });
    expect(cap.at(1e6)).toBeCloseTo(2, 1);
    expect(cap.at(5e6)).toBeLessThan(20 * 0.25);
    expect(cap.at(13e6)).toBeCloseTo(20, 1);
    expect(cap.at(15e6)).toBe(Infinity);
  });
});
