import { describe, expect, it } from 'vitest';
import { CruiseCycle, type PhaseNews } from './cruise-cycle.js';

const RTT_US = 100_000;
const anyDepth = { probeExcessMax: () => Number.POSITIVE_INFINITY };

const news = (now: number, more: Partial<PhaseNews> = {}): PhaseNews => ({
  ...{ now, minRttUs: RTT_US, bandwidth: 50, isQueued: false, depth: anyDepth },
  ...more,
});

/** Round trips until the next probe begins. */
const untilProbe = (cycle: CruiseCycle, more: Partial<PhaseNews> = {}): number => {
  for (let trips = 1; trips < 20; trips += 1) {
    cycle.advance(news(trips * RTT_US * 1.3, more));
    if (cycle.isProbing) return trips;
  }
  return Number.POSITIVE_INFINITY;
};

describe('CruiseCycle', () => {
  it('probes once in eight phases, and drains behind it', () => {
    const cycle = new CruiseCycle(1.25, 0);
    cycle.restart(0);
    expect(untilProbe(cycle)).toBe(6);
    expect(cycle.excess).toBeCloseTo(0.25);
    cycle.advance(news(10 * RTT_US));
    expect(cycle.isDraining).toBe(true);
  });

  it('a phase lasts a round trip, a probe a fifth longer', () => {
    const cycle = new CruiseCycle(1.25, 0);
    cycle.advance(news(1.1 * RTT_US));
    expect(cycle.isProbing).toBe(true);
    cycle.advance(news(1.2 * RTT_US));
    expect(cycle.isProbing).toBe(false);
  });

  it('a probe that finds much more is repeated at once, unless a queue shows', () => {
    for (const isQueued of [false, true]) {
      const cycle = new CruiseCycle(1.25, 0);
      cycle.probe(50);
      cycle.advance(news(2 * RTT_US));
      cycle.advance(news(4 * RTT_US, { bandwidth: 60, isQueued }));
      expect(cycle.isProbing).toBe(!isQueued);
    }
  });

  it('asks for half after a full queue, for a little more each time after that, and for what fits', () => {
    const cycle = new CruiseCycle(1.25, 0);
    cycle.halve();
    expect(cycle.excess).toBeCloseTo(0.125);
    cycle.restart(0);
    untilProbe(cycle);
    expect(cycle.excess).toBeCloseTo(0.131, 3);
    for (let times = 0; times < 9; times += 1) cycle.halve();
    expect(cycle.excess).toBeCloseTo(0.03);
    cycle.restore();
    cycle.restart(0);
    untilProbe(cycle, { depth: { probeExcessMax: (us) => 12_000 / us } });
    expect(cycle.excess).toBeCloseTo(0.1);
  });
});
