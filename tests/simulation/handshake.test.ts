/** Handshakes on bad paths, with bad peers, and under attack. */
import { type Datagram, Prng, type SimulatedHost, SimulatedWorld } from '@jetstream/testkit';
import { expect } from 'vitest';
import { expectComplete, expectNothingLeft, forEachSeed, PATH, runScenario } from './scenario.js';

const SMALL = 300_000;

const pathsOfHandshakes = {
  'loss 30 %': { loss: 0.3 },
  'loss 50 %': { loss: 0.5 },
  'everything twice': { duplicate: 1 },
  'everything out of order': { reorder: 0.5, reorderUs: 30_000 },
  'replays of half the packets': { replay: 0.5 },
  'mangling of a fifth': { mangle: 0.2 },
  'all of it': { loss: 0.1, duplicate: 0.2, reorder: 0.2, replay: 0.2, mangle: 0.1 },
  'long and lossy': { loss: 0.2, delayUs: 500_000 },
};

for (const [name, path] of Object.entries(pathsOfHandshakes)) {
  forEachSeed(`handshake: ${name}`, (seed) => {
    // One transfer each over several worlds, because one handshake is few packets.
    for (let i = 0; i < 8; i += 1) {
      const outcome = runScenario({
        seed: seed * 100 + i,
        bytes: SMALL,
        path,
        a: { slots: 8 },
        b: { slots: 8 },
        dial: { attemptsMax: 10 },
      });
      expectComplete(outcome);
    }
  });
}

forEachSeed('a peer with another key is refused by the client', (seed) => {
  const outcome = runScenario({ seed, dial: { peerKey: new Uint8Array(32).fill(7) } });
  expect(outcome.dial.failure).toBe('the peer holds another key');
  expect(outcome.dial.session).toBeNull();
  expectNothingLeft(outcome.world);
  expect(outcome.b.sessions).toHaveLength(0);
});

forEachSeed('a server that accepts nobody', (seed) => {
  const outcome = runScenario({ seed, b: { refuse: true }, secondsMax: 60 });
  expect(outcome.complete).toBe(false);
  expect(outcome.dial.failure).toBe('not accepted');
  expect(outcome.world.clock.now).toBeLessThan(1e6);
  expectNothingLeft(outcome.world);
});

forEachSeed('a server that is not there: the client gives up after 10 s', (seed) => {
  const outcome = runScenario({ seed, path: { loss: 1 } });
  expect(outcome.dial.failure).toContain('10 s');
  expect(outcome.world.clock.now).toBeGreaterThan(9e6);
  expect(outcome.world.clock.now).toBeLessThan(11e6);
  expectNothingLeft(outcome.world);
});

/** Keeps copies of the clear packets that one host sends. */
const capture = (world: SimulatedWorld, from: string): Datagram[] => {
  const captured: Datagram[] = [];
  world.network.observe({
    sent: (name, datagram) => {
      if (name === from && datagram.clear !== null) captured.push(datagram);
    },
    arrived: () => undefined,
  });
  return captured;
};

const newPair = (seed: number) => {
  const world = new SimulatedWorld(seed);
  const a = world.addHost('a');
  const b = world.addHost('b');
  world.network.setPath('a', 'b', PATH);
  return { world, a, b };
};

const send = (from: SimulatedHost, to: SimulatedHost, bytes: number, seed: number) =>
  from.connect(to, { transfers: [{ channel: 1, totalBytes: bytes, seed }], attemptsMax: 3 });

forEachSeed('a captured handshake, replayed, opens nothing and stops nothing', (seed) => {
  const { world, a, b } = newPair(seed);
  const captured = capture(world, 'a');
  const first = send(a, b, SMALL, seed);
  const replay = () => {
    for (const { from, to, clear } of captured.slice()) {
      if (clear !== null) world.network.inject(from, to, clear);
    }
  };
  world.clock.schedule(150_000, replay);
  world.run(() => first.completeAt >= 0, { untilUs: 20e6 });
  expect(first.completeAt).toBeGreaterThan(0);
  expectNothingLeft(world);
  for (let i = 0; i < 5; i += 1) world.clock.schedule(world.clock.now + i * 700_000, replay);
  world.run(() => false, { untilUs: world.clock.now + 5e6 });
  expectNothingLeft(world);
  expect(b.sessions).toHaveLength(1);
});

/** A datagram like the one that starts a handshake, under another connection id. */
const halfOpen = (first: Uint8Array, sourceId: number): Uint8Array => {
  const copy = first.slice();
  new DataView(copy.buffer).setUint32(17, sourceId);
  return copy;
};

forEachSeed('a flood of junk and of half-open handshakes', (seed) => {
  const { world, a, b } = newPair(seed);
  const late = world.addHost('late');
  const captured = capture(world, 'a');
  const running = send(a, b, 6_000_000, seed);
  world.run(() => a.sessions.length > 0, { untilUs: 2e6 });
  const first = captured[0]?.clear as Uint8Array;
  const random = new Prng(seed);
  const { network, clock } = world;
  const flood = (left: number) => {
    for (let i = 0; i < 8; i += 1) {
      const address = `198.51.${random.below(256)}.${random.below(256)}`;
      const from = { address, port: 1 + random.below(65_535) };
      const junk = random.bytes(1 + random.below(1300));
      if (i % 2 === 0) junk[0] = 0x10;
      network.inject(from, b.io.localAddress, i < 5 ? halfOpen(first, random.next()) : junk);
    }
    if (left > 0) clock.schedule(clock.now + 1000, () => flood(left - 1));
  };
  flood(4000);
  let joined = { completeAt: -1 };
  clock.schedule(clock.now + 500_000, () => {
    network.setPath('late', 'b', PATH);
    joined = send(late, b, SMALL, seed + 1);
  });
  world.run(() => running.completeAt >= 0 && joined.completeAt >= 0, { untilUs: 20e6 });
  expect(running.completeAt).toBeGreaterThan(0);
  expect(running.completeAt).toBeLessThan(3e6);
  // Who proves his address by the cookie gets in, within a round trip more.
  expect(joined.completeAt).toBeGreaterThan(0);
  expect(joined.completeAt).toBeLessThan(3e6);
  expect(b.sessions).toHaveLength(2);
  expectNothingLeft(world);
});

forEachSeed('junk and mutated copies of the client change nothing for its handshake', (seed) => {
  const { world, a, b } = newPair(seed);
  const random = new Prng(seed);
  world.network.observe({
    sent: (name, datagram) => {
      if (name !== 'a' || datagram.clear === null) return;
      const { to, clear } = datagram;
      for (let i = 0; i < 4; i += 1) {
        const junk = clear.slice();
        const at = random.below(40);
        junk[at] = (junk[at] as number) ^ (1 + random.below(255));
        // The bytes are known, but they come from elsewhere.
        world.network.inject({ address: '203.0.113.5', port: 5 + i }, to, junk);
      }
    },
    arrived: () => undefined,
  });
  const dial = send(a, b, SMALL, seed);
  world.run(() => dial.completeAt >= 0 || dial.failure !== null, { untilUs: 60e6 });
  expect(dial.failure).toBeNull();
  expect(dial.completeAt).toBeGreaterThan(0);
  expectNothingLeft(world);
});
