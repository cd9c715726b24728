/**
 * What others keep beside our flows; VERBOSE=1 prints the table. Bounds are looser than the targets of
 * `bench/manners`, which measures the same with the kernel's TCP.
 */
import { afterAll, describe, expect, it } from 'vitest';
import { runShares, type SharedLink, type Shares } from './manners-scenario.js';
import { seedsOfRun } from './scenario.js';

const link = { rttMs: 40, rateMbps: 100, fromSeconds: 8, toSeconds: 22 };
const HEAD_START_SECONDS = 2;
const QUEUES_MS = [10, 40];

const rows: string[] = [];
const percent = (share: number): string => `${(100 * share).toFixed(0)} %`.padStart(6);

const run = (name: string, shared: SharedLink): Shares => {
  const shares = runShares(shared);
  rows.push(
    `${name.padEnd(42)} TCP ${percent(shares.rival)}  ours ${shares.ours.map(percent).join(' ')}` +
      `  queue ${shares.queueMedianMs.toFixed(1)} ms  again ${(100 * shares.resent).toFixed(1)} %`,
  );
  return shares;
};

describe.each(QUEUES_MS)('queue of %i ms', (queueMs) => {
  const shared = { ...link, queueMs };

  describe.each(['cubic', 'bbr'] as const)('beside TCP %s', (kind) => {
    it.each(seedsOfRun())('fair leaves it its part, seed %i', (seed) => {
      const name = `fair, ${kind}, ${queueMs} ms, seed ${seed}`;
      const ours = [{ policy: 'fair' as const }];
      const rival = { kind, startSeconds: HEAD_START_SECONDS };
      const shares = run(name, { ...shared, seed, ours, rival });
      expect(shares.rival).toBeGreaterThan(0.2);
      expect(shares.ours[0]).toBeGreaterThan(0.05);
    });

    it.each(seedsOfRun())('background leaves it nearly all, seed %i', (seed) => {
      const name = `background, ${kind}, ${queueMs} ms, seed ${seed}`;
      const ours = [{ policy: 'background' as const, startSeconds: HEAD_START_SECONDS }];
      const shares = run(name, { ...shared, seed, ours, rival: { kind } });
      expect(shares.rival).toBeGreaterThan(0.8);
      expect(shares.ours[0]).toBeGreaterThan(0.005);
    });
  });

  it.each(seedsOfRun())('two fair flows share it, seed %i', (seed) => {
    const ours = [
      { policy: 'fair' as const },
      { policy: 'fair' as const, startSeconds: HEAD_START_SECONDS },
    ];
    const shares = run(`two fair, ${queueMs} ms, seed ${seed}`, { ...shared, seed, ours });
    const sum = shares.ours.reduce((total, share) => total + share, 0);
    expect(Math.min(...shares.ours) / sum).toBeGreaterThan(0.3);
    expect(sum).toBeGreaterThan(0.7);
    expect(shares.resent).toBeLessThan(0.05);
  });

  it.each(seedsOfRun())('one fair flow makes a short queue of its own, seed %i', (seed) => {
    const ours = [{ policy: 'fair' as const }];
    const shares = run(`alone, ${queueMs} ms, seed ${seed}`, { ...shared, seed, ours });
    expect(shares.ours[0]).toBeGreaterThan(0.85);
    expect(shares.queueMedianMs).toBeLessThan(10);
    expect(shares.resent).toBeLessThan(0.02);
  });
});

describe('queue of 10 ms, on machines that stall for 4 ms now and then', () => {
  const stalls = { everyUs: 40_000, lengthUs: 4000 };
  const shared = { ...link, queueMs: 10, stalls };

  it.each(seedsOfRun())('one fair flow fills the link, seed %i', (seed) => {
    const shares = run(`alone, stalls, seed ${seed}`, {
      ...shared,
      seed,
      ours: [{ policy: 'fair' as const }],
    });
    expect(shares.ours[0]).toBeGreaterThan(0.85);
    expect(shares.resent).toBeLessThan(0.02);
  });

  it.each(seedsOfRun())('two fair flows share it, seed %i', (seed) => {
    const ours = [
      { policy: 'fair' as const },
      { policy: 'fair' as const, startSeconds: HEAD_START_SECONDS },
    ];
    const shares = run(`two fair, stalls, seed ${seed}`, { ...shared, seed, ours });
    const sum = shares.ours.reduce((total, share) => total + share, 0);
    expect(Math.min(...shares.ours) / sum).toBeGreaterThan(0.35);
    expect(sum).toBeGreaterThan(0.85);
  });

  it.each(seedsOfRun())('background leaves TCP cubic nearly all, seed %i', (seed) => {
    const ours = [{ policy: 'background' as const, startSeconds: HEAD_START_SECONDS }];
    const rival = { kind: 'cubic' as const };
    const shares = run(`background, cubic, stalls, seed ${seed}`, { ...shared, seed, ours, rival });
    expect(shares.rival).toBeGreaterThan(0.85);
    expect(shares.ours[0]).toBeGreaterThan(0.005);
  });
});

afterAll(() => {
  if (process.env.VERBOSE === '1') process.stdout.write(`\n${rows.join('\n')}\n`);
});
