/**
 * How long a file of 1 MB takes, from the first handshake packet to the receiver's word that it has all;
 * VERBOSE=1 prints the table. The target is 4 round trips and 0.2 s, of which servers need some for what
 * is not simulated, so these bounds are tighter.
 */
import { type Profile, runProfile } from '@jetstream/testkit';
import { afterAll, expect, it } from 'vitest';
import { seedsOfRun } from './scenario.js';

const RUNS = 9;
const link = { rateMbps: 500, queueMs: 100, bytes: 1e6 };

/** Profiles of the benchmarks, with the longest median. */
const cases: Readonly<Record<string, { profile: Omit<Profile, 'seed'>; secondsMax: number }>> = {
  continental: { profile: { ...link, rttMs: 60, lossPercent: 0.1 }, secondsMax: 0.36 },
  transatlantic: { profile: { ...link, rttMs: 100, lossPercent: 0.5 }, secondsMax: 0.52 },
  intercontinental: { profile: { ...link, rttMs: 200, lossPercent: 1 }, secondsMax: 0.92 },
  bad: { profile: { ...link, rttMs: 300, lossPercent: 5 }, secondsMax: 1.32 },
  'slow link': {
    profile: { ...link, rttMs: 40, lossPercent: 0, rateMbps: 10 },
    secondsMax: 1.25,
  },
};

const rows: string[] = [];

for (const [name, { profile, secondsMax }] of Object.entries(cases)) {
  it.each(seedsOfRun())(`${name}, seeds from %i`, (seed) => {
    const runs = Array.from({ length: RUNS }, (_, i) =>
      runProfile({ ...profile, seed: 100 * seed + i }),
    );
    runs.sort((a, b) => a.seconds - b.seconds);
    const { seconds, resentShare } = runs[RUNS >> 1] ?? { seconds: -1, resentShare: 0 };
    const most = runs.at(-1)?.seconds ?? -1;
    rows.push(
      `${name.padEnd(18)}${seconds.toFixed(3).padStart(8)} s, at most ${most.toFixed(3)} s` +
        `   again ${(100 * resentShare).toFixed(0)} %`,
    );
    expect(runs[0]?.seconds).toBeGreaterThan(0);
    expect(seconds).toBeLessThan(secondsMax);
  });
}

afterAll(() => {
  if (process.env.VERBOSE === '1') process.stdout.write(`\n${rows.join('\n')}\n`);
});
