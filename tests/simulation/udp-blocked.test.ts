/**
 * Whole transfers where UDP does not pass, or not always: they go over TLS streams, say why, and send
 * nothing that is there already. The jobs, links and endpoints are those of a data worker.
 */
import { Prng } from '@jetstream/testkit';
import { describe, expect, it } from 'vitest';
import { UDP_BLOCKED_US } from '../../packages/server/src/data/worker/udp-memory.js';
import {
  type BlockedOutcome,
  type BlockedScenario,
  expectNothingLeft,
  expectWhole,
  runBlocked,
} from './blocked-scenario.js';
import type { FallbackWorld } from './fallback-world.js';
import { seedsOfRun } from './scenario.js';

const SEEDS = 3;
const ALWAYS = 1e12;
const REASON = /^no answer over UDP from 127\.0\.0\.1:8886 (within|when last tried) \d+ s( ago)?; /;

/** One test for each seed, with random numbers of that seed for what differs. */
const forSeeds = (name: string, body: (seed: number, random: Prng) => Promise<void>): void => {
  describe(name, () => {
    it.each(seedsOfRun(SEEDS))('seed %i', (seed) => body(seed, new Prng(seed + 7000)));
  });
};

/** UDP that is dropped for a time: there, back, or both ways, as a firewall may. */
const dropUdp = (
  world: FallbackWorld,
  random: Prng,
  span: { fromUs: number; toUs: number },
): void => {
  const way = random.below(3);
  if (way !== 1) world.network.link('a', 'b').set({ outages: [span] });
  if (way !== 2) world.network.link('b', 'a').set({ outages: [span] });
};

const blocked = (seed: number, random: Prng, more: Omit<BlockedScenario, 'seed'> = {}) =>
  runBlocked({
    seed,
    ...more,
    prepare: (world, at) => {
      dropUdp(world, random, { fromUs: 0, toUs: ALWAYS });
      more.prepare?.(world, at);
    },
  });

const pathsOf = ({ legs }: BlockedOutcome): string[] => legs.map(({ path }) => path);

/** Expects that each attempt over streams names its reason and has sent what was missing, once. */
const expectFrugal = ({ legs }: BlockedOutcome, streams = 4): void => {
  for (const [i, { path, reason, missing, sent }] of legs.entries()) {
    if (path === 'udp') {
      // A handful of packets more, unless UDP has been cut off.
      if (i === legs.length - 1) expect(sent).toBeLessThan(missing * 1.02);
      continue;
    }
    expect(reason).toMatch(REASON);
    expect(reason).toContain(`; ${streams} TLS stream${streams === 1 ? '' : 's'} to port 8886`);
    // What a path that broke had taken is not sent twice over the next.
    if (i === legs.length - 1) expect(sent).toBe(missing);
    else expect(sent).toBeLessThanOrEqual(missing);
  }
};

forSeeds('UDP is dropped from the start', async (seed, random) => {
  const bytes = 1 + random.below(16_000_000);
  const outcome = await blocked(seed, random, { bytes, tcp: { stall: 0.02 } });
  await expectWhole(outcome);
  expect(pathsOf(outcome)).toEqual(['tcp']);
  expectFrugal(outcome);
  // Four seconds of patience, and a few round trips.
  expect(outcome.seconds).toBeLessThan(5 + (bytes * 8) / 40e6);
});

forSeeds('UDP stops in the middle', async (seed, random) => {
  const fromUs = 700_000 + random.below(1_000_000);
  const outcome = await runBlocked({
    seed,
    prepare: (world) => dropUdp(world, random, { fromUs, toUs: ALWAYS }),
  });
  await expectWhole(outcome);
  expect(pathsOf(outcome)).toEqual(['udp', 'tcp']);
  expectFrugal(outcome);
  expect(outcome.legs[1]?.missing).toBeLessThan((outcome.legs[0]?.missing ?? 0) - 500_000);
  expect(outcome.seconds).toBeLessThan(10);
});

forSeeds('UDP comes back before streams are used: it is used', async (seed, random) => {
  const outcome = await runBlocked({
    seed,
    prepare: (world) =>
      dropUdp(world, random, { fromUs: 0, toUs: 1.2e6 + random.below(2_000_000) }),
  });
  await expectWhole(outcome);
  expect(pathsOf(outcome)).toEqual(['udp']);
  expect(outcome.world.dials.length).toBe(1);
  expect(outcome.world.sender.streamIO.dataBytesSent).toBe(0);
});

// A handshake that has begun over UDP is kept up for ten seconds.
for (const [when, from, paths] of [
  ['while it is still asked: the transfer changes over', 4.3, ['tcp', 'udp']],
  ['later: they are kept', 10.1, ['tcp']],
] as const) {
  forSeeds(`UDP comes back beside streams that do well, ${when}`, async (seed, random) => {
    const toUs = from * 1e6 + random.below(4_500_000);
    const outcome = await runBlocked({
      seed,
      order: { rateMaxKbps: 5000 },
      prepare: (world) => dropUdp(world, random, { fromUs: 0, toUs }),
    });
    await expectWhole(outcome);
    expect(pathsOf(outcome)).toEqual(paths);
    expectFrugal(outcome);
    expect(outcome.seconds).toBeLessThan(30);
  });
}

for (const passes of [true, false]) {
  const what = passes ? 'passes again: the transfer changes over' : 'does not: streams go on';
  forSeeds(`UDP is tried after ten minutes and ${what}`, async (seed, random) => {
    const outcome = await runBlocked({
      seed,
      bytes: 5_000_000,
      order: { rateMaxKbps: 60 },
      secondsMax: 1200,
      prepare: (world) =>
        dropUdp(world, random, { fromUs: 0, toUs: passes ? UDP_BLOCKED_US / 2 : ALWAYS }),
    });
    await expectWhole(outcome);

    expect(pathsOf(outcome)).toEqual(passes ? ['tcp', 'udp'] : ['tcp']);
    expectFrugal(outcome);
  });
}

forSeeds('streams of different delays overtake each other', async (seed, random) => {
  const tcp = { spreadUs: 400_000, stall: 0.05, stallUs: 600_000 };
  const outcome = await blocked(seed, random, { tcp });
  await expectWhole(outcome);
  expect(pathsOf(outcome)).toEqual(['tcp']);
  expectFrugal(outcome);
  expect(outcome.world.receiver.streamIO.overtaken).toBeGreaterThan(50);
});

for (const how of ['reset', 'finish'] as const) {
  forSeeds(`one stream ends in the middle: ${how}`, async (seed, random) => {
    const outcome = await blocked(seed, random, {
      tcp: { spreadUs: 50_000 },
      prepare: (world, at) => {
        at(4.5 + random.float() * 1.2, () => world.dials[0]?.[random.below(4)]?.[how]());
      },
    });

    await expectWhole(outcome);
    expect(pathsOf(outcome)).toEqual(['tcp', 'tcp']);
    expectFrugal(outcome);
    expect(outcome.legs[1]?.reason).toContain('when last tried');
    expect(outcome.world.dials.length).toBe(2);
    // It is noticed at once: 6 s would do without.
    expect(outcome.seconds).toBeLessThan(9);
  });
}

forSeeds('streams that cannot be opened are left out', async (seed, random) => {
  const streamsOpened = 1 + random.below(3);
  const outcome = await blocked(seed, random, { streamsOpened });
  await expectWhole(outcome);
  expect(pathsOf(outcome)).toEqual(['tcp']);
  expectFrugal(outcome, streamsOpened);
});

/** What a stream may have swallowed: what it takes unsent, and what is under way. */
const SWALLOWED_BYTES_MAX = 2_000_000;

for (const [what, count, paths] of [
  ['one stream', 1, ['tcp']],
  ['all streams', 4, ['tcp', 'tcp']],
] as const) {
  forSeeds(`${what} of four vanish, and nobody is told`, async (seed, random) => {
    const outcome = await blocked(seed, random, {
      prepare: (world, at) => {
        // Each in turn: what is sent to one that happens to be preferred shows only there.
        const first = (seed - 1) % (5 - count);
        at(4.5 + random.float(), () => {
          for (const stream of world.dials[0]?.slice(first, first + count) ?? []) stream.vanish();
        });
      },
    });
    await expectWhole(outcome);
    expect(pathsOf(outcome)).toEqual(paths);
    const again = outcome.legs.map(({ sent, missing }) => sent - missing);
    expect(again[0]).toBeLessThan(count * SWALLOWED_BYTES_MAX);
    expect(again.slice(1)).toEqual(paths.slice(1).map(() => 0));
    expect(outcome.seconds).toBeLessThan(25);
  });
}

/** Neither UDP nor TCP passes until then, and UDP a second later than TCP. */
const away = (seconds: number): Pick<BlockedScenario, 'prepare' | 'udp'> => ({
  udp: { outages: [{ fromUs: 0, toUs: (seconds + 1) * 1e6 }] },
  prepare: (world, at) => {
    world.tcpPasses = false;
    at(seconds, () => {
      world.tcpPasses = true;
    });
  },
});

forSeeds('a server that was away is reached over UDP', async (seed, random) => {
  const outcome = await runBlocked({ seed, ...away(6 + 15 * random.float()) });
  await expectWhole(outcome);
  expect(pathsOf(outcome)).toEqual(['udp']);
  expect(outcome.world.sender.streamIO.dataBytesSent).toBe(0);
});

forSeeds('a server that stays away: both ways are named', async (seed) => {
  const outcome = await runBlocked({ seed, ...away(1000) });
  expect(outcome.ended).toBe(
    'interrupted: 127.0.0.1:8886 did not answer for 30 s over UDP; TCP port 8886: no answer within 5 s',
  );
  await expectNothingLeft(outcome);
});
