import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Pacer } from './pacer.js';

describe('Pacer', () => {
  it('never lets more pass than the rate, a burst and one packet', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.1, max: 1000, noNaN: true }),
        fc.array(fc.integer({ min: 0, max: 5000 }), { minLength: 1, maxLength: 30 }),
        fc.integer({ min: 500, max: 1500 }),
        (rate, waits, packetBytes) => {
          const pacer = new Pacer(4000, 0);
          let now = 0;
          let sent = 0;
          for (const wait of waits) {
            now += wait;
            pacer.refill(rate, now);
            for (let i = 0; i < 5000 && pacer.ready; i += 1) {
              pacer.spend(packetBytes);
              sent += packetBytes;
            }
          }
          const burst = Math.max(rate * 2000, 4000);
          expect(sent).toBeLessThanOrEqual(rate * now + burst + packetBytes);
        },
      ),
      { numRuns: 50 },
    );
  });

  it('makes up for late wake-ups while packets wait, as far as queues allow, at a ceiling hardly', () => {
    const sentAfter = (pauseUs: number, atCeiling: boolean, lateBurstUs = 20_000): number => {
      const pacer = new Pacer(5000, 0);
      pacer.fitPath(lateBurstUs, 100_000);
      pacer.spend(5000);
      pacer.setWaiting(true);
      pacer.refill(2, pauseUs, atCeiling);
      let sent = 0;
      for (; pacer.ready; sent += 1000) pacer.spend(1000);
      return sent;
    };
    expect(sentAfter(15_000, false)).toBe(30_000);
    expect(sentAfter(15_000, false, 4000)).toBe(8000);
    expect(sentAfter(15_000, false, 0)).toBe(5000);
    expect(sentAfter(15_000, true)).toBe(10_000);
    expect(sentAfter(4000, true)).toBe(8000);
  });

  it('waitUs: after it, and not much before, a packet may leave', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.01, max: 100, noNaN: true }),
        fc.integer({ min: 1, max: 100_000 }),
        (rate, bytes) => {
          const pacer = new Pacer(1000, 0);
          pacer.spend(bytes);
          const wait = pacer.waitUs(rate);
          if (wait === 0) {
            expect(pacer.ready).toBe(true);
            return;
          }
          // Half a millisecond's worth is saved up, so that packets leave together.
          pacer.refill(rate, wait * 0.9 - 500 - 2 / rate);
          expect(pacer.ready).toBe(false);
          pacer.refill(rate, wait * 1.001 + 1);
          expect(pacer.ready).toBe(true);
        },
      ),
    );
  });

  it.each([
    ['no path known', 0, 0, 500],
    ['a short path', 20_000, 200, 500],
    ['10 ms', 20_000, 10_000, 625],
    ['60 ms', 20_000, 60_000, 1500],
    ['60 ms and a queue of 10 ms', 2500, 60_000, 500],
    ['60 ms and a queue of 40 ms', 10_000, 60_000, 1000],
  ])('%s: as much as goes unnoticed leaves together', (_, burstUs, roundTripUs, quantumUs) => {
    const pacer = new Pacer(1000, 0);
    pacer.spend(1000);
    pacer.fitPath(burstUs, roundTripUs);
    expect(pacer.waitUs(10)).toBe(quantumUs);
  });

  it('trains: credit is saved up until a whole one may leave, and then it does', () => {
    const pacer = new Pacer(1000, 0);
    pacer.spend(1000);
    pacer.setTrain(10_000);
    pacer.refill(1, 9000);
    expect(pacer.ready).toBe(false);
    expect(pacer.waitUs(1)).toBeGreaterThan(0);
    pacer.refill(1, 10_001);
    let packets = 0;
    while (pacer.ready) {
      expect(pacer.inTrain).toBe(packets > 0);
      pacer.spend(1000);
      packets += 1;
    }
    expect(packets).toBe(10);
  });

  it('a rate of zero waits long, not for ever and not for NaN', () => {
    const pacer = new Pacer(1000, 0);
    pacer.spend(5000);
    expect(pacer.waitUs(0)).toBeGreaterThan(1e6);
    expect(Number.isFinite(pacer.waitUs(0))).toBe(true);
  });
});
