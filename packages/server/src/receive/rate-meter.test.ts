import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RATE_WINDOW_MS, RateMeter } from './rate-meter.js';

describe('RateMeter', () => {
  it('a steady stream has its rate in the window and on average', () => {
    const meter = new RateMeter();
    for (let nowMs = 0; nowMs <= 60_000; nowMs += 100) meter.add(125_000, nowMs);
    expect(meter.averageKbps()).toBeCloseTo(10_000, -2);
    expect(meter.windowKbps(60_000)).toBeGreaterThan(8_900);
    expect(meter.windowKbps(60_000)).toBeLessThan(10_100);
  });

  it('pauses end the recent rate and do not lower the average', () => {
    const meter = new RateMeter();
    for (let nowMs = 0; nowMs <= 5000; nowMs += 100) meter.add(125_000, nowMs);
    const average = meter.averageKbps();
    expect(meter.windowKbps(5000 + RATE_WINDOW_MS + 1000)).toBe(0);
    meter.add(0, 3_600_000);
    expect(meter.averageKbps()).toBeCloseTo(average);
    expect(new RateMeter().averageKbps()).toBe(0);
  });

  it('property: the window holds what arrived in it, give or take one slot', () => {
    const arrivals = fc.array(fc.record({ pauseMs: fc.nat(4000), bytes: fc.nat(1_000_000) }), {
      maxLength: 60,
    });
    fc.assert(
      fc.property(arrivals, (all) => {
        const meter = new RateMeter();
        let nowMs = 1e9;
        const seen = all.map(({ pauseMs, bytes }) => {
          nowMs += pauseMs;
          meter.add(bytes, nowMs);
          return { nowMs, bytes };
        });
        const sumSince = (ms: number): number =>
          seen
            .filter((arrival) => arrival.nowMs > nowMs - ms)
            .reduce((sum, { bytes }) => sum + bytes, 0);
        const held = (meter.windowKbps(nowMs) * RATE_WINDOW_MS) / 8;
        expect(held).toBeGreaterThanOrEqual(sumSince(RATE_WINDOW_MS - 1000) - 1e-3);
        expect(held).toBeLessThanOrEqual(sumSince(RATE_WINDOW_MS) + 1e-3);
      }),
    );
  });
});
