/** How much of a link is used; VERBOSE=1 prints the table. The bounds are loose on purpose. */
import { type Profile, runProfile } from '@jetstream/testkit';
import { afterAll, expect, it } from 'vitest';
import { seedsOfRun } from './scenario.js';

interface Case {
  readonly profile: Omit<Profile, 'seed'>;
  /** Least goodput as a share of the link, and most data sent again. */
  readonly shareMin: number;
  readonly resentMax: number;
}

const link = { rateMbps: 500, queueMs: 100, bytes: 100e6 };

/** Profiles of the benchmarks, with a third of their bytes: start-up weighs three times as much. */
const cases: Readonly<Record<string, Case>> = {
  metro: { profile: { ...link, rttMs: 10, lossPercent: 0.01 }, shareMin: 0.8, resentMax: 0.05 },
  transatlantic: {
    profile: { ...link, rttMs: 100, lossPercent: 1 },
    shareMin: 0.6,
    resentMax: 0.06,
  },
  intercontinental: {
    profile: { ...link, rttMs: 200, lossPercent: 1, bytes: 60e6 },
    shareMin: 0.25,
    resentMax: 0.1,
  },
  satellite: {
    profile: {
      rttMs: 600,
      lossPercent: 2,
      burstPackets: 10,
      rateMbps: 50,
      queueMs: 300,
      bytes: 30e6,
    },
    shareMin: 0.3,
    resentMax: 0.1,
  },
};

const rows: string[] = [];

for (const [name, { profile, shareMin, resentMax }] of Object.entries(cases)) {
  it.each(seedsOfRun())(`${name}, seed %i`, (seed) => {
    const result = runProfile({ ...profile, seed });
    const share = result.goodputMbps / profile.rateMbps;
    rows.push(
      `${name.padEnd(18)}${result.seconds.toFixed(2).padStart(8)} s` +
        `${result.goodputMbps.toFixed(0).padStart(6)} Mbit/s` +
        `${(share * 100).toFixed(0).padStart(5)} %` +
        `   again ${(result.resentShare * 100).toFixed(1)} %` +
        `   queue ${result.meanQueueMs.toFixed(1)} ms`,
    );
    expect(share).toBeGreaterThan(shareMin);
    expect(result.resentShare).toBeLessThan(resentMax);
  });
}

afterAll(() => {
  if (process.env.VERBOSE === '1') process.stdout.write(`\n${rows.join('\n')}\n`);
});
