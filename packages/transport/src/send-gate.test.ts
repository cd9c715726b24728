import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SendGate } from './send-gate.js';

const PACKET = 1300;

/** Sends whatever the gate lets through, looking at it at these times. @returns Bytes by time. */
const flood = (gate: SendGate, times: readonly number[]): { at: number; bytes: number }[] => {
  const sent: { at: number; bytes: number }[] = [];
  for (const at of times) {
    gate.refill(at);
    while (gate.open) {
      gate.spend(PACKET);
      sent.push({ at, bytes: PACKET });
    }
  }
  return sent;
};

describe('SendGate', () => {
  it('is open without a limit', () => {
    const gate = new SendGate();
    gate.spend(1e9);
    expect(gate.open).toBe(true);
    expect(gate.waitUs()).toBe(0);
  });

  it('keeps average and every tenth of a second within the limit, however it is looked at', () => {
    const pauses = fc.array(fc.integer({ min: 10, max: 2500 }), { minLength: 200, maxLength: 200 });
    fc.assert(
      fc.property(pauses, fc.integer({ min: 2, max: 100 }), (gaps, rate) => {
        const gate = new SendGate();
        gate.refill(0);
        gate.setRate(rate);
        let now = 0;
        const times = gaps.map((gap) => {
          now += gap;
          return now;
        });
        const sent = flood(gate, times);
        const total = sent.reduce((sum, { bytes }) => sum + bytes, 0);
        expect(total).toBeLessThanOrEqual(rate * now + 2048 + PACKET);
        expect(total).toBeGreaterThan(rate * now * 0.97 - 2 * PACKET);
        let from = 0;
        let bytes = 0;
        let most = 0;
        for (const each of sent) {
          bytes += each.bytes;
          while ((sent[from] as typeof each).at <= each.at - 100_000) {
            bytes -= (sent[from] as typeof each).bytes;
            from += 1;
          }
          most = Math.max(most, bytes);
        }
        expect(most).toBeLessThanOrEqual(rate * 100_000 * 1.07 + 2048 + PACKET);
      }),
      { numRuns: 20 },
    );
  });

  it('makes up for pauses of a moment, and no more than that', () => {
    const gate = new SendGate();
    gate.refill(0);
    gate.setRate(20);
    const bytesUntil = (from: number, to: number): number => {
      const times = Array.from({ length: (to - from) / 1000 }, (_, i) => from + (i + 1) * 1000);
      return flood(gate, times).reduce((sum, { bytes }) => sum + bytes, 0);
    };
    const before = bytesUntil(0, 100_000);
    // Nothing wakes it up for 50 ms, once a second.
    const after = bytesUntil(150_000, 1_150_000);
    expect((before + after) / (1_150_000 * 20)).toBeGreaterThan(0.99);
    const idle = bytesUntil(61_150_000, 71_150_000);
    expect(idle / (10_000_000 * 20)).toBeGreaterThan(0.999);
    expect(idle / (10_000_000 * 20)).toBeLessThan(1.012);
  });

  it('takes a new limit at once, without losing what is under way', () => {
    const gate = new SendGate();
    gate.refill(0);
    gate.setRate(10);
    gate.refill(10_000);
    const saved = flood(gate, [10_000]).length;
    expect(saved).toBeGreaterThan(0);
    gate.refill(12_000);
    gate.setRate(10.1);
    expect(gate.open).toBe(true);
    gate.setRate(0.001);
    flood(gate, [12_000]);
    expect(gate.open).toBe(false);
    expect(gate.waitUs()).toBeGreaterThan(0);
    gate.setRate(Number.POSITIVE_INFINITY);
    expect(gate.open).toBe(true);
    gate.setRate(10);
    expect(gate.open).toBe(false);
  });
});
