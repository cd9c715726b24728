import { describe, expect, it } from 'vitest';
import { fittingPayload, ProbeLadder } from './probe-ladder.js';
import { PAYLOAD_LADDER } from './wire.js';

const MAX = PAYLOAD_LADDER.at(-1) as number;

/** Sizes probed within a time, when the path takes packets up to `pathMax`. */
const climb = (pathMax: number, payloadMax = MAX) => {
  const ladder = new ProbeLadder(payloadMax);
  const tried: number[] = [];
  let proven = 0;
  for (let now = 0; now < 20_000_000; now += 10_000) {
    for (let bytes = ladder.next(now, 50_000); bytes !== 0; bytes = ladder.next(now, 50_000)) {
      tried.push(bytes);
      if (bytes <= pathMax && ladder.acked(bytes)) proven = bytes;
    }
  }
  return { tried, proven };
};

describe('fittingPayload', () => {
  it('is the largest step that fits, or what fits everywhere', () => {
    expect([0, 1184, 1251, 1252, 1423, 1424, 9000, 1e6, Infinity].map(fittingPayload)).toEqual([
      1184, 1184, 1184, 1252, 1404, 1424, 8904, 31_952, 31_952,
    ]);
  });
});

describe('ProbeLadder', () => {
  it('finds the largest size that the path takes', () => {
    for (const pathMax of [1184, 1252, 1300, 1404, 1424, 8904, 31_952]) {
      const expected = PAYLOAD_LADDER.filter((bytes) => bytes <= pathMax).at(-1) ?? 0;
      expect(climb(pathMax).proven).toBe(expected);
    }
  });

  it('tries nothing above its limit, and each size three times at most', () => {
    expect(Math.max(...climb(0, 1424).tried)).toBe(1424);
    const { tried } = climb(0);
    for (const bytes of PAYLOAD_LADDER) {
      expect(tried.filter((item) => item === bytes).length).toBeLessThanOrEqual(3);
    }
  });

  it('tries large sizes only after the one below has come through', () => {
    expect(Math.max(...climb(1404).tried)).toBe(1424);
    expect(Math.max(...climb(1424).tried)).toBe(8904);
    expect(climb(8904).tried).toContain(31_952);
  });

  it('pauses between tries, longer each time', () => {
    const ladder = new ProbeLadder(1252);
    const times: number[] = [];
    for (let now = 0; now < 10_000_000; now += 1000) {
      if (ladder.next(now, 50_000) !== 0) times.push(now);
    }
    expect(times).toHaveLength(3);
    const [first, second, third] = times as [number, number, number];
    expect(third - second).toBeGreaterThan(second - first);
    expect(second - first).toBeGreaterThanOrEqual(100_000);
  });

  it('giveUp: ends it; acked: only a larger size counts', () => {
    const ladder = new ProbeLadder(MAX);
    expect(ladder.acked(1424)).toBe(true);
    expect(ladder.acked(1404)).toBe(false);
    expect(ladder.acked(1424)).toBe(false);
    ladder.giveUp();
    expect(ladder.next(1e9, 1000)).toBe(0);
  });
});
