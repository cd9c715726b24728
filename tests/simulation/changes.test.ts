/** Paths that change, break and heal in the middle of a transfer. */
import { FLOW_SILENCE_MAX_US } from '@jetstream/transport';
import { expect } from 'vitest';
import {
  expectComplete,
  expectNothingLeft,
  forEachSeed,
  note,
  PATH,
  printTable,
  runScenario,
} from './scenario.js';

printTable();

for (const seconds of [0.3, 1, 10, 25]) {
  forEachSeed(`outage of ${seconds} s: the flow survives`, (seed) => {
    const outages = [{ fromUs: 500_000, toUs: 500_000 + seconds * 1e6 }];
    const outcome = runScenario({ seed, path: { outages } });
    note(`outage of ${seconds} s`, outcome, 50);
    expectComplete(outcome);
    // What is lost is what was in flight, not all that was sent into the void.
    expect(outcome.resentShare).toBeLessThan(0.35);
    expect(outcome.seconds).toBeLessThan(seconds + 8);
  });
}

forEachSeed('outage of 40 s: the flow ends on both sides', (seed) => {
  const outages = [{ fromUs: 500_000, toUs: 40_500_000 }];
  const outcome = runScenario({ seed, path: { outages } });
  expect(outcome.complete).toBe(false);
  expect(outcome.dial.session?.end?.by).toBe('timeout');
  expectNothingLeft(outcome.world);
  expect(outcome.b.sessions[0]?.end?.by).toBe('timeout');
  expect(outcome.world.clock.now).toBeLessThan(500_000 + FLOW_SILENCE_MAX_US + 5_000_000);
});

forEachSeed('outage of 60 s: another flow sends only what is missing', (seed) => {
  const outages = [{ fromUs: 500_000, toUs: 60_500_000 }];
  const first = runScenario({ seed, path: { outages } });
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
  expect(again.completeAt).toBeGreaterThan(60.5e6);
  expect(again.completeAt).toBeLessThan(75e6);
  const sent = a.io.counters.dataBytesSent - sentBefore;
  expect(sent).toBeLessThan((bytes - there * 262_144) * 1.1 + 262_144);
  expectNothingLeft(world);
});

forEachSeed('outage of one direction: acks lost for 5 s', (seed) => {
  const outages = [{ fromUs: 500_000, toUs: 5_500_000 }];
  const outcome = runScenario({ seed, back: { outages } });
  expectComplete(outcome);
});

forEachSeed('outage that repeats', (seed) => {
  const outages = Array.from({ length: 20 }, (_, i) => ({
    fromUs: i * 1_000_000 + 400_000,
    toUs: i * 1_000_000 + 900_000,
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
      at(1, () => world.network.link('a', 'b').set({ rateMbps: 5 }));
      at(6, () => world.network.link('a', 'b').set({ rateMbps: 50 }));
    },
  });
  note('bandwidth steps 50, 5, 50', outcome, 50);
  expectComplete(outcome);
  // 6 s give about 9 MB at full use; the other 11 take 2 s and the time to notice.
  expect(outcome.seconds).toBeLessThan(13);
  expect(outcome.resentShare).toBeLessThan(0.2);
});

forEachSeed('bandwidth steps 500, 50, 500 Mbit/s', (seed) => {
  const outcome = runScenario({
    seed,
    bytes: 50_000_000,
    path: { delayUs: 20_000, rateMbps: 500 },
    prepare: (world, at) => {
      at(0.5, () => world.network.link('a', 'b').set({ rateMbps: 50 }));
      at(2.5, () => world.network.link('a', 'b').set({ rateMbps: 500 }));
    },
  });
  note('bandwidth steps 500, 50, 500', outcome, 500);
  expectComplete(outcome);
  // 2.5 s give about 40 MB at full use, the rest takes 0.2 s and the time to notice.
  expect(outcome.seconds).toBeLessThan(6);
  // What is sent until the step is noticed: two round trips with a full queue, 140 ms each.
  expect(outcome.resentShare).toBeLessThan(0.6);
});

forEachSeed('round-trip steps 50, 300, 20 ms', (seed) => {
  const outcome = runScenario({
    seed,
    bytes: 20_000_000,
    prepare: (world, at) => {
      at(1, () => world.network.setPath('a', 'b', { delayUs: 150_000 }));
      at(4, () => world.network.setPath('a', 'b', { delayUs: 10_000 }));
    },
  });
  note('round-trip steps 50, 300, 20 ms', outcome, 50);
  expectComplete(outcome);
  expect(outcome.seconds).toBeLessThan(10);
});

forEachSeed('MTU drops from 9000 to 1400: a black hole', (seed) => {
  const outcome = runScenario({
    seed,
    path: { mtuBytes: 9000 },
    prepare: (world, at) => at(0.7, () => world.network.setPath('a', 'b', { mtuBytes: 1400 })),
  });
  note('MTU 9000, then 1400', outcome, 50);
  expectComplete(outcome);
  expect(outcome.seconds).toBeLessThan(12);
});

forEachSeed('MTU drops from 1500 to 1280: a black hole', (seed) => {
  const outcome = runScenario({
    seed,
    prepare: (world, at) => at(0.7, () => world.network.setPath('a', 'b', { mtuBytes: 1280 })),
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
        at(0.7, () => world.network.rebind(name, { address: '192.0.2.77', port: 40_001 }));
        at(1.3, () => world.network.rebind(name, { address: '192.0.2.77', port: 40_002 }));
      },
    });
    note(`NAT rebinding of ${name}`, outcome, 50);
    expectComplete(outcome);
    expect(outcome.seconds).toBeLessThan(name === 'a' ? 5 : 25);
  });
}

forEachSeed('receiver disk stalls for 20 s', (seed) => {
  const stalls = [{ fromUs: 500_000, toUs: 20_500_000 }];
  const outcome = runScenario({
    seed,
    b: { slots: 32, openMax: 12, disk: { bytesPerUs: 100, stalls } },
    bytes: 12_000_000,
  });
  note('disk stalled for 20 s', outcome, 50);
  expectComplete(outcome);
  expect(outcome.b.slots.most).toBeLessThanOrEqual(12);
  expect(outcome.resentShare).toBeLessThan(0.05);
  expect(outcome.seconds).toBeLessThan(24);
});

forEachSeed('receiver disk of 5 MB/s that stalls for 20 s: the sender idles', (seed) => {
  const stalls = [{ fromUs: 1_000_000, toUs: 21_000_000 }];
  let sentInStall = 0;
  const outcome = runScenario({
    seed,
    path: { rateMbps: 200 },
    bytes: 12_000_000,
    b: { slots: 32, openMax: 12, disk: { bytesPerUs: 5, stalls } },
    prepare: (world, at) => {
      const sent = () => world.hosts[0]?.io.counters.bytesSent ?? 0;
      at(3, () => {
        sentInStall = -sent();
      });
      at(20.9, () => {
        sentInStall += sent();
      });
    },
  });
  note('disk of 5 MB/s, stalled for 20 s', outcome, 40);
  expectComplete(outcome);
  expect(outcome.b.slots.most).toBeLessThanOrEqual(12);
  expect(outcome.resentShare).toBeLessThan(0.05);
  // Some signs of life, and nothing of the content.
  expect(sentInStall).toBeLessThan(4000);
  expect(outcome.seconds).toBeLessThan(25);
});

forEachSeed('receiver disk slower than the link', (seed) => {
  const outcome = runScenario({
    seed,
    b: { slots: 32, openMax: 12, disk: { bytesPerUs: 1, stalls: [] } },
  });
  note('disk of 1 MB/s', outcome, 8);
  expectComplete(outcome);
  expect(outcome.b.slots.most).toBeLessThanOrEqual(12);
  expect(outcome.resentShare).toBeLessThan(0.05);
  expect(outcome.seconds).toBeLessThan(10);
});

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
