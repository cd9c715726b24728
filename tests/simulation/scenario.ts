/**
 * Runs one transfer, or several, in a simulated world and looks at what is left afterwards.
 *
 * SEED=n replays one seed, SEEDS=n runs that many, VERBOSE=1 prints how much of the link was used.
 */
import {
  type Dial,
  type DialOptions,
  type LinkOptions,
  Prng,
  type SimulatedHost,
  type SimulatedHostOptions,
  SimulatedWorld,
} from '@jetstream/testkit';
import { afterAll, describe, expect, it } from 'vitest';

const SEEDS_DEFAULT = 1;

/** Seeds of this run. @param usual How many there are unless the run says something else. */
export const seedsOfRun = (usual = SEEDS_DEFAULT): number[] => {
  const { SEED, SEEDS } = process.env;
  if (SEED !== undefined) return [Number(SEED)];
  const count = SEEDS === undefined ? usual : Number(SEEDS);
  return Array.from({ length: count }, (_, i) => i + 1);
};

/** Declares one test per seed; the seed is in its name, and so in the report of a failure. */
export const forEachSeed = (name: string, body: (seed: number) => void): void => {
  describe(name, () => {
    it.each(seedsOfRun())('seed %i', body);
  });
};

/** A moment that the seed picks, between two times. */
export const momentOf = (seed: number, from: number, to: number): number =>
  from + new Prng(seed + 9000).float() * (to - from);

/** What happens in a scenario. */
export interface Scenario {
  readonly seed: number;
  readonly bytes?: number;
  /** Both directions; default 25 ms each way, 50 Mbit/s, a queue of 100 ms. */
  readonly path?: Partial<LinkOptions>;
  /** On top of `path`: from the sender, to the sender. */
  readonly forward?: Partial<LinkOptions>;
  readonly back?: Partial<LinkOptions>;
  readonly a?: SimulatedHostOptions;
  readonly b?: SimulatedHostOptions;
  readonly dial?: Partial<DialOptions>;
  /** Things that happen at a time. */
  readonly prepare?: (
    world: SimulatedWorld,
    at: (seconds: number, run: () => void) => void,
  ) => void;
  /** Virtual seconds until everything must have arrived; default 120. */
  readonly secondsMax?: number;
}

/** What came of it. */
export interface Outcome {
  readonly world: SimulatedWorld;
  readonly a: SimulatedHost;
  readonly b: SimulatedHost;
  readonly dial: Dial;
  readonly complete: boolean;
  readonly seconds: number;
  readonly goodputMbps: number;
  /** Data bytes sent beyond the content, as a share of it. */
  readonly resentShare: number;
}

/** The path of a scenario that says nothing else. */
export const PATH: Partial<LinkOptions> = { delayUs: 25_000, rateMbps: 50, queueUs: 100_000 };
const BYTES = 6_000_000;
/** Longer than a flow lives without hearing from its peer. */
const SETTLE_US = 45e6;

/** Runs a scenario until its transfer is complete, or its flow has ended. */
export const runScenario = (scenario: Scenario): Outcome => {
  const world = new SimulatedWorld(scenario.seed);
  const a = world.addHost('a', scenario.a);
  const b = world.addHost('b', scenario.b);
  world.network.setPath('a', 'b', { ...PATH, ...scenario.path });
  if (scenario.forward !== undefined) world.network.link('a', 'b').set(scenario.forward);
  if (scenario.back !== undefined) world.network.link('b', 'a').set(scenario.back);
  scenario.prepare?.(world, (seconds, run) => world.clock.schedule(seconds * 1e6, run));
  const totalBytes = scenario.bytes ?? BYTES;
  const transfers = [{ channel: 1, totalBytes, seed: scenario.seed * 1000 }];
  const dial = a.connect(b, { transfers, ...scenario.dial });
  const broken = () => dial.session?.end != null && dial.session.flow.highestReceived >= 0;
  const over = () => dial.completeAt >= 0 || dial.failure !== null || broken();
  world.run(over, { untilUs: (scenario.secondsMax ?? 120) * 1e6 });
  const complete = dial.completeAt >= 0;
  const seconds = (dial.completeAt - dial.startedAt) / 1e6;
  return {
    world,
    a,
    b,
    dial,
    complete,
    seconds,
    goodputMbps: complete ? (totalBytes * 8) / 1e6 / seconds : 0,
    resentShare: a.io.counters.dataBytesSent / totalBytes - 1,
  };
};

/** Lets every flow end, and checks that nothing is left of any of them. */
export const expectNothingLeft = (world: SimulatedWorld): void => {
  const { hosts } = world;
  const over = () => hosts.every((host) => !host.endpoint.busy && host.slots.taken === 0);
  world.run(over, { untilUs: world.clock.now + SETTLE_US });
  for (const host of hosts) {
    expect(host.sessions.filter((session) => session.end === null)).toHaveLength(0);
    expect(host.endpoint.flowCount).toBe(0);
    expect(host.endpoint.busy).toBe(false);
    expect(host.io.connectionCount).toBe(0);
    expect(host.slots.taken).toBe(0);
  }
};

/** Checks that everything arrived, then that nothing is left. */
export const expectComplete = (outcome: Outcome): void => {
  expect(outcome.dial.failure).toBeNull();
  expect(outcome.dial.session?.end?.reason ?? '').toBe('');
  expect(outcome.complete).toBe(true);
  expectNothingLeft(outcome.world);
};

const rows: string[] = [];

/** Adds a line to the table that VERBOSE=1 prints. */
export const note = (name: string, outcome: Outcome, linkMbps: number): void => {
  const { seconds, goodputMbps, resentShare, world } = outcome;
  const { counters } = world.network.link('a', 'b');
  const share = linkMbps === 0 ? '' : `${((goodputMbps / linkMbps) * 100).toFixed(0)} %`;
  const queueMs = counters.queueUsSum / 1000 / Math.max(1, counters.packets);
  rows.push(
    name.padEnd(34) +
      `${seconds.toFixed(2)} s`.padStart(10) +
      `${goodputMbps.toFixed(1)} Mbit/s`.padStart(16) +
      share.padStart(7) +
      `${(resentShare * 100).toFixed(1)} %`.padStart(10) +
      `${queueMs.toFixed(1)} ms`.padStart(10),
  );
};

/** Prints the table at the end of a file. */
export const printTable = (): void => {
  afterAll(() => {
    if (process.env.VERBOSE !== '1' || rows.length === 0) return;
    const head = `${'scenario'.padEnd(34)}${'time'.padStart(10)}${'goodput'.padStart(16)}${'link'.padStart(7)}${'again'.padStart(10)}${'queue'.padStart(10)}`;
    process.stdout.write(`\n${[head, ...rows].join('\n')}\n`);
  });
};
