import { describe, expect, it } from 'vitest';
import { Prng } from './prng.js';
import { runProfile } from './run-profile.js';
import { type Datagram, type LinkOptions, SimulatedLink } from './simulated-link.js';
import { VirtualClock } from './virtual-clock.js';

const address = { address: '10.0.0.1', port: 1 };

/** Sends packets at even times and returns when which of them arrived. */
const sendMany = (options: Partial<LinkOptions>, count: number, everyUs: number) => {
  const clock = new VirtualClock();
  const link = new SimulatedLink(clock, new Prng(1), options);
  const arrivals: { id: number; at: number }[] = [];
  for (let id = 0; id < count; id += 1) {
    const clear = new Uint8Array(1222);
    new DataView(clear.buffer).setUint32(0, id);
    const datagram: Datagram = { from: address, to: address, bytes: 1222, clear, sealed: null };
    clock.schedule(id * everyUs, () =>
      link.send(datagram, (arrived) => {
        const bytes = arrived.clear as Uint8Array;
        arrivals.push({ id: new DataView(bytes.buffer).getUint32(0), at: clock.now });
      }),
    );
  }
  clock.runUntil(1e9);
  return { arrivals, counters: link.counters };
};

describe('SimulatedLink', () => {
  it('delays, and keeps the order', () => {
    const { arrivals } = sendMany({ delayUs: 500 }, 3, 10);
    expect(arrivals).toEqual([
      { id: 0, at: 500 },
      { id: 1, at: 510 },
      { id: 2, at: 520 },
    ]);
  });

  it('rate: packets of 1,250 bytes with headers need 1 ms each at 10 Mbit/s', () => {
    const { arrivals, counters } = sendMany({ rateMbps: 10, delayUs: 0, queueUs: 5000 }, 20, 0);
    // One on the link, five in the queue and one that still found it just not full.
    expect(arrivals.map(({ at }) => at)).toEqual([1000, 2000, 3000, 4000, 5000, 6000]);
    expect(counters.droppedQueue).toBe(14);
    expect(counters.queueUsMax).toBe(5000);
  });

  it('loss: as often as asked for, alone or in runs', () => {
    for (const burstPackets of [1, 10]) {
      const { arrivals } = sendMany({ loss: 0.05, burstPackets }, 40_000, 1);
      expect(1 - arrivals.length / 40_000).toBeGreaterThan(0.04);
      expect(1 - arrivals.length / 40_000).toBeLessThan(0.06);
      let runs = 0;
      for (let i = 1; i < arrivals.length; i += 1) {
        if ((arrivals[i]?.id ?? 0) - (arrivals[i - 1]?.id ?? 0) > 1) runs += 1;
      }
      const length = (40_000 - arrivals.length) / runs;
      expect(length).toBeGreaterThan(burstPackets * 0.8);
      expect(length).toBeLessThan(burstPackets * 1.25);
    }
  });

  it('reordering, duplication, MTU and outages', () => {
    const swapped = sendMany({ reorder: 0.1, reorderUs: 1000 }, 1000, 10).arrivals;
    const late = swapped.filter(({ id }, i) => id < (swapped[i - 1]?.id ?? -1));
    expect(late.length).toBeGreaterThan(50);
    expect(sendMany({ duplicate: 1 }, 100, 10).arrivals).toHaveLength(200);
    expect(sendMany({ mtuBytes: 1249 }, 100, 10).arrivals).toHaveLength(0);
    expect(sendMany({ mtuBytes: 1250 }, 100, 10).arrivals).toHaveLength(100);
    const outages = [{ fromUs: 100, toUs: 200 }];
    expect(sendMany({ outages }, 100, 10).arrivals).toHaveLength(90);
  });

  it('jitter: wanders within its bounds, and keeps the order', () => {
    const { arrivals } = sendMany({ delayUs: 50_000, jitterUs: 20_000 }, 5000, 100);
    const delays = arrivals.map(({ id, at }) => at - id * 100);
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(30_000);
    expect(Math.max(...delays)).toBeLessThanOrEqual(70_000);
    expect(Math.max(...delays) - Math.min(...delays)).toBeGreaterThan(20_000);
    expect(arrivals.every(({ id }, i) => id === i)).toBe(true);
  });
});

describe('VirtualClock', () => {
  it('runs events by time, and by order within one time', () => {
    const clock = new VirtualClock();
    const random = new Prng(3);
    const ran: { at: number; order: number }[] = [];
    for (let order = 0; order < 500; order += 1) {
      const at = random.below(50);
      clock.schedule(at, () => ran.push({ at: clock.now, order }));
    }
    clock.runUntil(100);
    const sorted = [...ran].sort((a, b) => a.at - b.at || a.order - b.order);
    expect(ran).toEqual(sorted);
    expect(clock.now).toBe(100);
    expect(clock.pending).toBe(0);
  });
});

describe('runProfile', () => {
  it('the same seed gives the same run, another seed another one', () => {
    const profile = { rttMs: 20, lossPercent: 2, rateMbps: 50, queueMs: 50, bytes: 1e6, slots: 32 };
    const first = runProfile({ ...profile, seed: 5 });
    expect(runProfile({ ...profile, seed: 5 })).toEqual(first);
    expect(runProfile({ ...profile, seed: 6 }).seconds).not.toBe(first.seconds);
    expect(first.seconds).toBeGreaterThan(0.16);
  });
});
