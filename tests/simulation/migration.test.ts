/** Peers whose address changes in the middle of a transfer, and attackers who pretend that it does. */
import { addressText, type Datagram, type SimulatedWorld } from '@jetstream/testkit';
import { FRAME } from '@jetstream/transport';
import { expect } from 'vitest';
import { expectComplete, forEachSeed, runScenario } from './scenario.js';

/** Bytes that a world sends to one address and gets from there. */
const watchAddress = (world: SimulatedWorld, address: string) => {
  const seen = { sent: 0, challenges: 0 };
  world.network.observe({
    sent: (_from, { to, bytes, sealed }) => {
      if (to.address !== address) return;
      seen.sent += bytes;
      if (sealed !== null && (sealed.kind & 0xff) === FRAME.challenge) seen.challenges += 1;
    },
    arrived: () => undefined,
  });
  return seen;
};

for (const path of [{}, { loss: 0.05 }, { reorder: 0.2, duplicate: 0.2 }]) {
  forEachSeed(`addresses of both ends change in turn: ${JSON.stringify(path)}`, (seed) => {
    const outcome = runScenario({
      seed,
      bytes: 12_000_000,
      path: { rateMbps: 10, ...path },
      prepare: (world, at) => {
        for (let i = 0; i < 4; i += 1) {
          at(0.5 + i * 4, () => world.network.rebind('a', { address: '192.0.2.1', port: 41 + i }));
          at(2.5 + i * 4, () => world.network.rebind('b', { address: `192.0.3.${i}`, port: 8886 }));
        }
      },
    });
    expectComplete(outcome);
    expect(outcome.seconds).toBeLessThan(30);
  });
}

forEachSeed('a receiver whose address changes is heard of within seconds', (seed) => {
  const outcome = runScenario({
    seed,
    bytes: 10_000_000,
    prepare: (world, at) =>
      at(0.7, () => world.network.rebind('b', { address: '192.0.2.9', port: 1 })),
  });
  expectComplete(outcome);
  // Alone it takes 1.7 s; it notices after a second, and the sender asks for a proof.
  expect(outcome.seconds).toBeLessThan(4);
});

const VICTIM = { address: '203.0.113.66', port: 53 };

/** Copies of what host `from` sends come in first, from the victim's address. */
const spoof = (world: SimulatedWorld, from: string, every: number): void => {
  let count = 0;
  world.network.observe({
    sent: (name, datagram) => {
      if (name !== from || datagram.sealed === null) return;
      count += 1;
      if (count % every === 0) {
        world.clock.schedule(world.clock.now + 1000, () =>
          world.network.injectAgain(datagram, VICTIM),
        );
      }
    },
    arrived: () => undefined,
  });
};

for (const [name, every] of [
  ['a', 1],
  ['a', 50],
  ['b', 1],
  ['b', 10],
] as const) {
  forEachSeed(`copies of ${name}'s packets from a victim's address: every ${every}`, (seed) => {
    let seen = { sent: 0, challenges: 0 };
    const outcome = runScenario({
      seed,
      bytes: 3_000_000,
      prepare: (world, at) => {
        seen = watchAddress(world, VICTIM.address);
        at(0.4, () => spoof(world, name, every));
      },
      secondsMax: 60,
    });
    // That no more than three times its bytes went to the victim is checked at each packet.
    expectComplete(outcome);
    // A rare copy is overtaken by the next true packet before anything is sent.
    expect(seen.challenges > 0).toBe(every < 50);
  });
}

forEachSeed('replayed packets from elsewhere, older than the newest, move nothing', (seed) => {
  const kept: Datagram[] = [];
  let seen = { sent: 0, challenges: 0 };
  const outcome = runScenario({
    seed,
    bytes: 6_000_000,
    prepare: (world, at) => {
      seen = watchAddress(world, VICTIM.address);
      world.network.observe({
        sent: () => undefined,
        arrived: (_to, datagram) => {
          if (datagram.sealed !== null && addressText(datagram.from) !== addressText(VICTIM)) {
            kept.push(datagram);
          }
        },
      });
      for (let i = 0; i < 40; i += 1) {
        at(0.4 + i * 0.02, () => {
          for (const datagram of kept.slice(-400, -50)) {
            world.network.injectAgain(datagram, VICTIM);
          }
        });
      }
    },
  });
  expectComplete(outcome);
  expect(seen.sent).toBe(0);
});
