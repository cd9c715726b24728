import { describe, expect, it } from 'vitest';
import type { AckSummary } from './packet-ledger.js';
import { StreamRate } from './stream-rate.js';

const ack = (change: Partial<AckSummary>): AckSummary => ({
  ackedBytes: 1000,
  ackedPackets: 1,
  lostBytes: 0,
  lostPackets: 0,
  calmResolved: 0,
  calmLost: 0,
  rttUs: 0,
  deliveryRate: 0,
  deliveryAppLimited: false,
  roundEnded: true,
  spurious: 0,
  ...change,
});

describe('StreamRate', () => {
  it('paces at the lower of both ceilings, and not at all without one', () => {
    const rate = new StreamRate({ rttUs: 1000, rateMax: Number.POSITIVE_INFINITY });
    expect(rate.pacingRate).toBeGreaterThan(100_000);
    expect(rate.limitedByCeiling).toBe(false);
    rate.setPeerCeiling(10);
    expect(rate.pacingRate).toBe(10);
    rate.setCeiling(4);
    expect(rate.pacingRate).toBe(4);
    rate.setPeerCeiling(Number.POSITIVE_INFINITY);
    expect(rate.pacingRate).toBe(4);
    expect(rate.window).toBe(Number.POSITIVE_INFINITY);
  });

  it('counts as limited by its ceiling only near it', () => {
    const rate = new StreamRate({ rttUs: 1000, rateMax: 10 });
    rate.onAck(ack({ deliveryRate: 5 }));
    expect(rate.limitedByCeiling).toBe(false);
    rate.onAck(ack({ deliveryRate: 9.5 }));
    expect(rate.limitedByCeiling).toBe(true);
  });

  it('follows the round trip and the rate of delivery', () => {
    const rate = new StreamRate({ rttUs: 300_000, rateMax: Number.POSITIVE_INFINITY });
    rate.onAck(ack({ rttUs: 20_000, deliveryRate: 8 }));
    expect([rate.smoothedRttUs, rate.minRttUs]).toEqual([20_000, 20_000]);
    for (let i = 0; i < 100; i += 1) rate.onAck(ack({ rttUs: 60_000, deliveryRate: 2 }));
    expect(rate.smoothedRttUs).toBeCloseTo(60_000, -2);
    expect(rate.minRttUs).toBe(20_000);
    expect(rate.bandwidth).toBeCloseTo(2, 1);
  });
});
