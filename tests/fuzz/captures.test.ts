/**
 * Mutated captures: an attacker on the path sees every packet of a transfer and sends what he makes
 * of them, to both ends and from any address. The transfer must not notice: it completes with equal
 * content, one flow each, and nobody gets more than three times what he has sent (checked by the
 * world at every packet).
 */
import { Prng, SimulatedWorld } from '@jetstream/testkit';
import { describe, expect, it } from 'vitest';
import { expectNothingLeft, PATH } from '../simulation/scenario.js';
import { type AttackName, attack } from './capture-attacks.js';
import { fuzzRuns, fuzzSeed } from './fuzz-run.js';

const BYTES = 700_000;

const runs = (count: number): number[] =>
  Array.from({ length: fuzzRuns(count) }, (_, i) => fuzzSeed * 10_000 + i);

/** One transfer under attack, another that begins while it lasts. */
const transferUnder = (seed: number, names: readonly AttackName[]): number => {
  const world = new SimulatedWorld(seed);
  const a = world.addHost('a', { slots: 16 });
  const b = world.addHost('b', { slots: 32, openMax: 8 });
  const c = world.addHost('c', { slots: 16 });
  for (const name of ['a', 'c']) world.network.setPath(name, 'b', { ...PATH, loss: 0.01 });
  const injected = attack(world, new Prng(seed + 1), { names });
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

const CASES: Readonly<Record<string, readonly AttackName[]>> = {
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
