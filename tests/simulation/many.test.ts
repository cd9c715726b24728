/** More than one flow, more than one transfer, more than one key. */

import { type Dial, SimulatedLink, SimulatedWorld } from '@jetstream/testkit';
import { SendGate } from '@jetstream/transport';
import { expect } from 'vitest';
import { expectComplete, expectNothingLeft, forEachSeed, PATH, runScenario } from './scenario.js';

const allComplete = (dials: readonly Dial[]): boolean =>
  dials.every((dial) => dial.completeAt >= 0);

forEachSeed('two flows share a link', (seed) => {
  const world = new SimulatedWorld(seed);
  const target = world.addHost('b', { slots: 128, openMax: 64 });
  const link = new SimulatedLink(world.clock, world.random.fork(), PATH);
  const senders = ['a1', 'a2'].map((name) => {
    const host = world.addHost(name);
    world.network.link('b', name).set(PATH);
    world.network.shareLink(name, 'b', link);
    return host;
  });
  const dials = senders.map((host, i) =>
    host.connect(target, { transfers: [{ channel: 1, totalBytes: 8_000_000, seed: seed + i }] }),
  );
  expect(world.run(() => allComplete(dials), { untilUs: 60e6 })).toBe(true);
  const seconds = dials.map((dial) => dial.completeAt / 1e6);
  // Alone, each would take 1.6 s.
  expect(Math.max(...seconds)).toBeLessThan(5);
  expectNothingLeft(world);
});

forEachSeed('key epochs of 256 packets roll on', (seed) => {
  const outcome = runScenario({
    seed,
    path: { loss: 0.02, reorder: 0.05, reorderUs: 5000 },
    a: { keyEpochShift: 8 },
    b: { keyEpochShift: 8 },
  });
  expectComplete(outcome);
  expect(outcome.dial.session?.flow.nextPacketNumber).toBeGreaterThan(256 * 10);
});

forEachSeed('key epochs roll on across an outage', (seed) => {
  const outcome = runScenario({
    seed,
    a: { keyEpochShift: 10 },
    b: { keyEpochShift: 10 },
    path: { outages: [{ fromUs: 600_000, toUs: 8_000_000 }] },
  });
  expectComplete(outcome);
});

forEachSeed('eight transfers over one flow', (seed) => {
  const transfers = Array.from({ length: 8 }, (_, i) => ({
    channel: i + 1,
    totalBytes: [0, 1, 262_143, 262_144, 262_145, 1_000_000, 2_000_000, 100][i] as number,
    seed: seed * 100 + i,
  }));
  const outcome = runScenario({ seed, path: { loss: 0.02 }, dial: { transfers } });
  expectComplete(outcome);
  expect(outcome.b.sessions[0]?.receiver.completed).toBe(8);
});

forEachSeed('200 flows at once from ten hosts', (seed) => {
  const world = new SimulatedWorld(seed);
  const target = world.addHost('b', { slots: 512, openMax: 2 });
  const link = new SimulatedLink(world.clock, world.random.fork(), { ...PATH, rateMbps: 200 });
  const dials: Dial[] = [];
  for (let i = 0; i < 10; i += 1) {
    const host = world.addHost(`a${i}`, { slots: 48, sendSlots: 2, openMax: 2 });
    world.network.link('b', host.name).set(PATH);
    world.network.shareLink(host.name, 'b', link);
    for (let j = 0; j < 20; j += 1) {
      const transfer = { channel: j, totalBytes: 200_000, seed: seed * 1000 + i * 20 + j };
      dials.push(host.connect(target, { transfers: [transfer], attemptsMax: 5 }));
    }
  }
  world.run(() => allComplete(dials), { untilUs: 60e6 });
  expect(dials.filter((dial) => dial.completeAt < 0)).toHaveLength(0);
  expect(target.sessions).toHaveLength(200);
  expect(target.slots.most).toBeLessThanOrEqual(400);
  expectNothingLeft(world);
});

forEachSeed('both sides send to each other on one path', (seed) => {
  const world = new SimulatedWorld(seed);
  const a = world.addHost('a');
  const b = world.addHost('b');
  world.network.setPath('a', 'b', { ...PATH, loss: 0.01 });
  const dials = [
    a.connect(b, { transfers: [{ channel: 1, totalBytes: 4_000_000, seed }] }),
    b.connect(a, { transfers: [{ channel: 1, totalBytes: 4_000_000, seed: seed + 500 }] }),
  ];
  expect(world.run(() => allComplete(dials), { untilUs: 60e6 })).toBe(true);
  expectNothingLeft(world);
});

forEachSeed('four flows under one ceiling, which changes', (seed) => {
  const gate = new SendGate();
  gate.setRate(10 / 8);
  const world = new SimulatedWorld(seed);
  const a = world.addHost('a', { gate, sendSlots: 16 });
  const b = world.addHost('b', { openMax: 16 });
  world.network.setPath('a', 'b', PATH);
  for (let i = 0; i < 4; i += 1) {
    a.connect(b, { transfers: [{ channel: 1, totalBytes: 8_000_000, seed: seed * 10 + i }] });
  }
  const { counters } = a.io;
  const mbpsUntil = (seconds: number): number => {
    const before = { bytes: counters.bytesSent, at: world.clock.now };
    world.run(() => false, { untilUs: seconds * 1e6 });
    return ((counters.bytesSent - before.bytes) * 8) / (world.clock.now - before.at);
  };
  world.run(() => false, { untilUs: 1e6 });
  expect(mbpsUntil(6)).toBeCloseTo(10, 0);
  gate.setRate(25 / 8);
  world.run(() => false, { untilUs: 7e6 });
  expect(Math.abs(mbpsUntil(9) - 25)).toBeLessThan(1.5);
  gate.setRate(4 / 8);
  expect(Math.abs(mbpsUntil(11) - 4)).toBeLessThan(0.4);
});

forEachSeed('a receiver asks for less', (seed) => {
  let receiveMbps = 8;
  const outcome = runScenario({
    seed,
    bytes: 8_000_000,
    b: { receiveMbps: () => receiveMbps },
    prepare: (_world, at) => {
      at(4, () => {
        receiveMbps = 0;
      });
    },
  });
  expectComplete(outcome);
  // 4 s at 8 Mbit/s are nearly 4 MB, the rest is quick.
  expect(outcome.seconds).toBeGreaterThan(4);
  expect(outcome.seconds).toBeLessThan(6);
});

forEachSeed('a ceiling holds', (seed) => {
  const outcome = runScenario({ seed, bytes: 4_000_000, dial: { rateMaxMbps: 8 } });
  expectComplete(outcome);
  // 4 MB at 8 Mbit/s are 4 s, headers make it 4.2.
  expect(outcome.seconds).toBeGreaterThan(4);
  expect(outcome.seconds).toBeLessThan(5.5);
});
