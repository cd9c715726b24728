/** Paths that change, break and heal in the middle of a transfer. */
import type { Outage } from '@jetstream/testkit';
import { FLOW_SILENCE_MAX_US } from '@jetstream/transport';
import { expect } from 'vitest';
import {
  expectComplete,
  expectNothingLeft,
  forEachSeed,
  momentOf,
  note,
  PATH,
  printTable,
  runScenario,
} from './scenario.js';

printTable();

/** An outage that begins in the middle of a transfer. */
const outageOf = (seed: number, seconds: number): Outage => {
  const fromUs = momentOf(seed, 0.4, 0.9) * 1e6;
  return { fromUs, toUs: fromUs + seconds * 1e6 };
};

for (const seconds of [0.3, 1, 10, 25]) {
  forEachSeed(`outage of ${seconds} s: the flow survives`, (seed) => {
    const outages = [outageOf(seed, seconds)];
    const outcome = runScenario({ seed, path: { outages } });
    note(`outage of ${seconds} s`, outcome, 50);
    expectComplete(outcome);
    // What is lost is what was in flight, not all that was sent into the void.
    expect(outcome.resentShare).toBeLessThan(0.35);
    expect(outcome.seconds).toBeLessThan(seconds + 8);
  });
}

forEachSeed('outage of 40 s: the flow ends on both sides', (seed) => {
  const outage = outageOf(seed, 40);
  const outcome = runScenario({ seed, path: { outages: [outage] } });
  expect(outcome.complete).toBe(false);
  expect(outcome.dial.session?.end?.by).toBe('timeout');
  expectNothingLeft(outcome.world);
  expect(outcome.b.sessions[0]?.end?.by).toBe('timeout');
  expect(outcome.world.clock.now).toBeLessThan(outage.fromUs + FLOW_SILENCE_MAX_US + 5_000_000);
});

forEachSeed('outage of 60 s: another flow sends only what is missing', (seed) => {
  const outage = outageOf(seed, 60);
  const first = runScenario({ seed, path: { outages: [outage] } });
  const { world, a, b } = first;
  expect(first.dial.session?.end?.by).toBe('timeout');
  expectNothingLeft(world);
  const bytes = 6_000_000;
  const there = b.durable.get(seed * 1000)?.size ?? 0;
  expect(there).toBeGreaterThan(0);
  const sentBefore = a.io.counters.dataBytesSent;
  const transfer = { channel: 1, totalBytes: bytes, seed: seed * 1000, resumed: true };
  const again = a.connect(b, { transfers: [transfer], attemptsMax: 20 });
  world.run(() => again.completeAt >= 0, { untilUs: 120e6 });
  expect(again.completeAt).toBeGreaterThan(outage.toUs);
  expect(again.completeAt).toBeLessThan(outage.toUs + 15e6);
  const sent = a.io.counters.dataBytesSent - sentBefore;
  expect(sent).toBeLessThan((bytes - there * 262_144) * 1.1 + 262_144);
  expectNothingLeft(world);
});

forEachSeed('outage of one direction: acks lost for 5 s', (seed) => {
  const outcome = runScenario({ seed, back: { outages: [outageOf(seed, 5)] } });
  expectComplete(outcome);
});

forEachSeed('outage that repeats', (seed) => {
  const outages = Array.from({ length: 20 }, (_, i) => ({
    fromUs: (i + momentOf(seed + i, 0.2, 0.45)) * 1e6,
    toUs: (i + 0.9) * 1e6,
  }));
  const outcome = runScenario({ seed, path: { outages } });
  note('outages of 0.5 s each 1 s', outcome, 50);
  expectComplete(outcome);
});

forEachSeed('bandwidth steps 50, 5, 50 Mbit/s', (seed) => {
  const outcome = runScenario({
    seed,
    bytes: 20_000_000,
    prepare: (world, at) => {
      const from = momentOf(seed, 0.6, 1.4);
      at(from, () => world.network.link('a', 'b').set({ rateMbps: 5 }));
      at(from + 5, () => world.network.link('a', 'b').set({ rateMbps: 50 }));
    },
  });
  note('bandwidth steps 50, 5, 50', outcome, 50);
  expectComplete(outcome);
  // 6 s give about 9 MB at full use; the other 11 take 2 s and the time to notice.
  expect(outcome.seconds).toBeLessThan(13);
  expect(outcome.resentShare).toBeLessThan(0.2);
});

for (const [when, first, last, resentMax] of [
  ['', 0.3, 0.8, 0.45],
  // What is lost then must not look like what the path loses by itself.
  [', just after start-up', 0.425, 0.45, 0.4],
] as const) {
  const name = `bandwidth steps 500, 50, 500 Mbit/s${when}`;
  forEachSeed(name, (seed) => {
    const outcome = runScenario({
      seed,
      bytes: 50_000_000,
      path: { delayUs: 20_000, rateMbps: 500 },
      prepare: (world, at) => {
        const from = momentOf(seed, first, last);
        at(from, () => world.network.link('a', 'b').set({ rateMbps: 50 }));
        at(from + 2, () => world.network.link('a', 'b').set({ rateMbps: 500 }));
      },
    });
    note(name, outcome, 500);
    expectComplete(outcome);
    // 2.6 s would do at full use, and the time to notice is most of the rest.
    expect(outcome.seconds).toBeLessThan(6);
    expect(outcome.resentShare).toBeLessThan(resentMax);
  });
}

forEachSeed('round-trip steps 50, 300, 20 ms', (seed) => {
  const outcome = runScenario({
    seed,
    bytes: 30_000_000,
    prepare: (world, at) => {
      const from = momentOf(seed, 0.5, 1.5);
      at(from, () => world.network.setPath('a', 'b', { delayUs: 150_000 }));
      at(from + 3, () => world.network.setPath('a', 'b', { delayUs: 10_000 }));
    },
  });
  note('round-trip steps 50, 300, 20 ms', outcome, 50);
  expectComplete(outcome);
  expect(outcome.seconds).toBeLessThan(10);
  expect(outcome.resentShare).toBeLessThan(0.1);
});

forEachSeed('MTU drops from 9000 to 1400: a black hole', (seed) => {
  const outcome = runScenario({
    seed,
    path: { mtuBytes: 9000 },
    prepare: (world, at) =>
      at(momentOf(seed, 0.3, 0.9), () => world.network.setPath('a', 'b', { mtuBytes: 1400 })),
  });
  note('MTU 9000, then 1400', outcome, 50);
  expectComplete(outcome);
  expect(outcome.seconds).toBeLessThan(12);
});

forEachSeed('MTU drops from 1500 to 1280: a black hole', (seed) => {
  const outcome = runScenario({
    seed,
    prepare: (world, at) =>
      at(momentOf(seed, 0.3, 0.9), () => world.network.setPath('a', 'b', { mtuBytes: 1280 })),
  });
  note('MTU 1500, then 1280', outcome, 50);
  expectComplete(outcome);
  expect(outcome.seconds).toBeLessThan(12);
});

for (const name of ['a', 'b']) {
  forEachSeed(`NAT rebinding of ${name === 'a' ? 'the sender' : 'the receiver'}`, (seed) => {
    const outcome = runScenario({
      seed,
      bytes: 10_000_000,
      path: { loss: 0.01 },
      prepare: (world, at) => {
        const from = momentOf(seed, 0.4, 0.9);
        at(from, () => world.network.rebind(name, { address: '192.0.2.77', port: 40_001 }));
        at(from + 0.6, () => world.network.rebind(name, { address: '192.0.2.77', port: 40_002 }));
      },
    });
    note(`NAT rebinding of ${name}`, outcome, 50);
    expectComplete(outcome);
    expect(outcome.seconds).toBeLessThan(name === 'a' ? 5 : 25);
    // A receiver whose address has changed is sent to in vain until it is heard of.
    expect(outcome.resentShare).toBeLessThan(name === 'a' ? 0.06 : 0.5);
  });
}

for (const [name, bytesPerUs, rateMbps] of [
  ['receiver disk stalls for 20 s', 100, 50],
  ['receiver disk of 5 MB/s that stalls for 20 s', 5, 200],
] as const) {
  forEachSeed(`${name}: the sender idles`, (seed) => {
    const from = momentOf(seed, 0.5, 1.2);
    const stalls = [{ fromUs: from * 1e6, toUs: (from + 20) * 1e6 }];
    let sentInStall = 0;
    const outcome = runScenario({
      seed,
      path: { rateMbps },
      bytes: 12_000_000,
      b: { slots: 32, openMax: 12, disk: { bytesPerUs, stalls } },
      prepare: (world, at) => {
        const sent = () => world.hosts[0]?.io.counters.bytesSent ?? 0;
        at(from + 2, () => {
          sentInStall = -sent();
        });
        at(from + 19.9, () => {
          sentInStall += sent();
        });
      },
    });
    note(name, outcome, Math.min(rateMbps, bytesPerUs * 8));
    expectComplete(outcome);
    expect(outcome.b.slots.most).toBeLessThanOrEqual(12);
    expect(outcome.resentShare).toBeLessThan(0.03);
    // Some signs of life, and nothing of the content.
    expect(sentInStall).toBeLessThan(4000);
    expect(outcome.seconds).toBeLessThan(24);
  });
}

for (const [megabytesPerSecond, bytes] of [
  [1, 6_000_000],
  [5, 20_000_000],
] as const) {
  forEachSeed(`receiver disk of ${megabytesPerSecond} MB/s, slower than the link`, (seed) => {
    const outcome = runScenario({
      seed,
      bytes,
      path: { loss: 0.001 },
      b: { slots: 32, openMax: 12, disk: { bytesPerUs: megabytesPerSecond, stalls: [] } },
    });
    note(`disk of ${megabytesPerSecond} MB/s`, outcome, megabytesPerSecond * 8);
    expectComplete(outcome);
    expect(outcome.b.slots.most).toBeLessThanOrEqual(12);
    // The end, which an idle link repeats, weighs more in the short one.
    expect(outcome.resentShare).toBeLessThan(0.05);
    expect(outcome.seconds).toBeLessThan(bytes / megabytesPerSecond / 1e6 + 1);
  });
}

forEachSeed('loss that comes and goes', (seed) => {
  const outcome = runScenario({
    seed,
    bytes: 16_000_000,
    path: { ...PATH, delayUs: 50_000 },
    prepare: (world, at) => {
      for (let second = 0; second < 30; second += 1) {
        at(second, () => world.network.setPath('a', 'b', { loss: second % 2 === 0 ? 0 : 0.1 }));
      }
    },
  });
  note('loss 0 and 10 % in turn', outcome, 50);
  expectComplete(outcome);
});
