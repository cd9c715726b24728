/**
 * Mutated captures: an attacker on the path sees every packet of a transfer and sends what he makes
 * of them, to both ends and from any address. The transfer must not notice: it completes with equal
 * content, one flow each, and nobody gets more than three times what he has sent (checked by the
 * world at every packet).
 */
import {
  type Datagram,
  Prng,
  type SimulatedWorld,
  SimulatedWorld as World,
} from '@jetstream/testkit';
import type { PeerAddress } from '@jetstream/transport';
import { describe, expect, it } from 'vitest';
import { expectNothingLeft, PATH } from '../simulation/scenario.js';
import { fuzzRuns, fuzzSeed } from './fuzz-run.js';

const BYTES = 700_000;

/** What an attacker may do with a captured packet; null when it comes to nothing. */
type Attack = (random: Prng, captured: readonly Datagram[]) => Datagram | null;

const pick = (random: Prng, captured: readonly Datagram[]): Datagram =>
  captured[random.below(captured.length)] as Datagram;

const withClear = (datagram: Datagram, clear: Uint8Array): Datagram => ({
  ...datagram,
  clear,
  bytes: Math.max(1, clear.length),
});

const replayed: Attack = pick;

const truncated: Attack = (random, captured) => {
  const datagram = pick(random, captured);
  const { clear, sealed } = datagram;
  if (clear !== null) return withClear(datagram, clear.slice(0, 1 + random.below(clear.length)));
  // Whatever is cut off a sealed packet, its tag does not fit: no key opens it.
  return sealed === null
    ? null
    : { ...datagram, sealed: { ...sealed, keyIdentity: random.next() } };
};

const flipped: Attack = (random, captured) => {
  const datagram = pick(random, captured);
  const { clear, sealed } = datagram;
  if (sealed !== null) {
    const { numberLow } = sealed;
    const forged = { numberLow: numberLow ^ (1 << random.below(32)), keyIdentity: random.next() };
    return { ...datagram, sealed: { ...sealed, ...forged } };
  }
  if (clear === null) return null;
  const copy = clear.slice();
  for (let i = 1 + random.below(4); i > 0; i -= 1) {
    // Mostly in the header, where the meaning is.
    const at = random.below(random.chance(0.7) ? Math.min(40, copy.length) : copy.length);
    copy[at] = (copy[at] as number) ^ (1 + random.below(255));
  }
  return withClear(datagram, copy);
};

const spliced: Attack = (random, captured) => {
  const readable = captured.filter(({ clear }) => clear !== null);
  const [first, second] = [pick(random, readable), pick(random, readable)];
  if (first?.clear == null || second?.clear == null) return null;
  const at = random.below(Math.min(first.clear.length, second.clear.length));
  const joined = new Uint8Array([...first.clear.slice(0, at), ...second.clear.slice(at)]);
  return withClear(first, joined);
};

const ATTACKS = { replayed, truncated, flipped, spliced } as const;

const sources = (random: Prng, datagram: Datagram): PeerAddress => {
  const way = random.below(3);
  if (way === 0) return datagram.from;
  if (way === 1) return { address: `198.51.100.${random.below(4)}`, port: 1 + random.below(3) };
  return { address: datagram.from.address, port: 1 + random.below(60_000) };
};

/** Packets from the true address that change what TLS reads break a handshake, as on any path. */
const harmless = (datagram: Datagram, from: PeerAddress, made: string): boolean =>
  made === 'replayed' || datagram.sealed !== null || from !== datagram.from;

const attack = (world: SimulatedWorld, random: Prng, names: readonly (keyof typeof ATTACKS)[]) => {
  const captured: Datagram[] = [];
  let count = 0;
  world.network.observe({
    sent: (_from, datagram) => {
      if (captured.length < 4000) captured.push(datagram);
      if (!random.chance(0.2)) return;
      const name = names[random.below(names.length)] as keyof typeof ATTACKS;
      const made = ATTACKS[name](random, captured);
      if (made === null) return;
      const from = sources(random, made);
      if (!harmless(made, from, name)) return;
      count += 1;
      const at = world.clock.now + random.below(80_000);
      world.clock.schedule(at, () => world.network.injectAgain(made, from));
    },
    arrived: () => undefined,
  });
  return () => count;
};

const runs = (count: number): number[] =>
  Array.from({ length: fuzzRuns(count) }, (_, i) => fuzzSeed * 10_000 + i);

/** One transfer under attack, another that begins while it lasts. */
const transferUnder = (seed: number, names: readonly (keyof typeof ATTACKS)[]): number => {
  const world = new World(seed);
  const a = world.addHost('a', { slots: 16 });
  const b = world.addHost('b', { slots: 32, openMax: 8 });
  const c = world.addHost('c', { slots: 16 });
  for (const name of ['a', 'c']) world.network.setPath(name, 'b', { ...PATH, loss: 0.01 });
  const injected = attack(world, new Prng(seed + 1), names);
  const options = (channel: number) => ({
    transfers: [{ channel, totalBytes: BYTES, seed: seed * 10 + channel }],
    attemptsMax: 3,
  });
  const first = a.connect(b, options(1));
  world.run(() => a.sessions.length > 0, { untilUs: 20e6 });
  const second = c.connect(b, options(2));
  const done = () => first.completeAt >= 0 && second.completeAt >= 0;
  expect(world.run(done, { untilUs: 60e6 })).toBe(true);
  expect([first.attempts, second.attempts]).toEqual([1, 1]);
  expect(b.sessions).toHaveLength(2);
  for (const session of b.sessions) expect(session.receiver.contentBytes).toBe(BYTES);
  expectNothingLeft(world);
  return injected();
};

const CASES: Readonly<Record<string, readonly (keyof typeof ATTACKS)[]>> = {
  'replayed and reordered handshakes and packets change nothing': ['replayed'],
  'truncated handshakes and packets change nothing': ['truncated'],
  'forged and flipped handshakes and packets change nothing': ['flipped'],
  'spliced handshakes change nothing': ['spliced'],
  'all of it at once changes nothing': ['replayed', 'truncated', 'flipped', 'spliced'],
};

for (const [name, names] of Object.entries(CASES)) {
  describe(name, () => {
    it.each(runs(3))('seed %i', (seed) => {
      expect(transferUnder(seed, names)).toBeGreaterThan(20);
    });
  });
}
