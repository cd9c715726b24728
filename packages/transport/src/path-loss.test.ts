import { describe, expect, it } from 'vitest';
import { PathLoss } from './path-loss.js';

/** Rounds of 1,000 packets, with so many lost in each. */
const after = (losses: readonly number[]): PathLoss => {
  const path = new PathLoss();
  for (const lost of losses) {
    path.add(1000, lost);
    path.endRound();
  }
  return path;
};

describe('PathLoss', () => {
  it('knows nothing before the first hundred packets', () => {
    const path = new PathLoss();
    path.add(99, 20);
    expect(path.share).toBe(0);
    path.add(1, 0);
    expect(path.share).toBeCloseTo(0.2, 5);
  });

  it('takes what most rounds lose for the path, and bursts for others', () => {
    expect(after([50, 48, 52, 51, 49]).share).toBeCloseTo(0.05, 5);
    expect(after([0, 0, 300, 0, 0, 0, 250, 0]).share).toBe(0);
  });

  it('follows a path that changes, and never believes more than half', () => {
    const path = after([0, 0, 0, 0, 0, 0, 0, 0, 0, 100, 100, 100, 100, 100]);
    expect(path.share).toBeCloseTo(0.1, 5);
    expect(after([900, 900, 900]).share).toBe(0.5);
  });

  it('sees an excess only beyond chance', () => {
    const clean = after([0, 0, 0]);
    expect(clean.excess(1000, 8)).toBeLessThanOrEqual(0);
    expect(clean.excess(1000, 9)).toBeGreaterThan(0);
    // After one round a path may still lose some without having shown it.
    expect(after([0]).excess(1000, 13)).toBeLessThanOrEqual(0);
    expect(after([0]).excess(1000, 14)).toBeGreaterThan(0);
    const lossy = after([50, 50, 50]);
    expect(lossy.excess(1000, 70)).toBeLessThanOrEqual(0);
    expect(lossy.excess(1000, 120)).toBeGreaterThan(0);
  });

  it('takes back losses that turned up after all', () => {
    const path = new PathLoss();
    path.add(1000, 100);
    path.add(0, -100);
    path.endRound();
    expect(path.share).toBe(0);
  });

  it('a first reading that happens to be low makes no excess of what the path loses', () => {
    const path = new PathLoss();
    path.add(1700, 8);
    path.endRound();
    expect(path.excess(9274, 115)).toBeLessThanOrEqual(0);
    expect(path.excess(9274, 300)).toBeGreaterThan(0);
    const small = new PathLoss();
    small.add(320, 1);
    small.endRound();
    // These are what is to be judged, and say nothing of the path yet.
    small.add(9900, 94);
    expect(small.excess(9900, 94)).toBeLessThanOrEqual(0);
    small.endRound();
    expect(small.share).toBeCloseTo(95 / 10_220, 5);
  });
});
