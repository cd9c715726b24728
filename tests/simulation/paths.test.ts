/** Paths of all kinds, each constant over the transfer. */
import { expect } from 'vitest';
import {
  expectComplete,
  forEachSeed,
  note,
  printTable,
  runScenario,
  type Scenario,
} from './scenario.js';

printTable();

/** The least share of the link that is used, start and end included, and the most sent again. */
interface Bounds {
  readonly shareMin?: number;
  readonly resentMax?: number;
}

/** Where little is lost: what is sent again is hardly more than the end, which an idle link repeats. */
const nearlyClean: Bounds = { shareMin: 0.65, resentMax: 0.05 };

const paths: Readonly<Record<string, Omit<Scenario, 'seed'> & Bounds>> = {
  clean: nearlyClean,
  'delay 1 ms': { path: { delayUs: 500 }, ...nearlyClean },
  'delay 10 ms': { path: { delayUs: 5000 }, ...nearlyClean },
  'delay 2 ms, 20 Mbit/s, a queue of 200 ms': {
    path: { delayUs: 1000, rateMbps: 20, queueUs: 200_000 },
    ...nearlyClean,
  },
  'delay 200 ms': { path: { delayUs: 100_000 } },
  'delay 600 ms': { path: { delayUs: 300_000, queueUs: 300_000 } },
  'loss 1 %': { path: { loss: 0.01 } },
  'loss 5 %': { path: { loss: 0.05 } },
  'loss 10 %': { path: { loss: 0.1 } },
  'loss 30 %': { path: { loss: 0.3 } },
  'loss 30 %, 1 s': { path: { loss: 0.3, delayUs: 500_000 }, bytes: 4_000_000 },
  'burst loss 2 % in runs of 10': { path: { loss: 0.02, burstPackets: 10 } },
  'burst loss 5 % in runs of 50': { path: { loss: 0.05, burstPackets: 50 } },
  'reordering 5 %': { path: { reorder: 0.05, reorderUs: 10_000 }, ...nearlyClean },
  'reordering 5 % by 60 ms': {
    path: { reorder: 0.05, reorderUs: 60_000 },
    shareMin: 0.65,
    resentMax: 0.1,
  },
  'duplication 5 %': { path: { duplicate: 0.05 }, ...nearlyClean },
  'corruption 1 %': { path: { corrupt: 0.01 } },
  'corruption and mangling 0.1 %': { path: { corrupt: 0.001, mangle: 0.001 }, ...nearlyClean },
  'jitter 20 ms': { path: { jitterUs: 20_000 }, shareMin: 0.5, resentMax: 0.1 },
  'everything at once': {
    path: { loss: 0.03, reorder: 0.05, duplicate: 0.05, corrupt: 0.005, jitterUs: 10_000 },
  },
  'asymmetric 100:1': { back: { rateMbps: 0.5 }, ...nearlyClean },
  'asymmetric 100:1, loss 1 %': {
    path: { loss: 0.01 },
    back: { rateMbps: 0.5 },
    shareMin: 0.6,
    resentMax: 0.07,
  },
  'shallow queue of 10 ms': { path: { queueUs: 10_000 } },
  'MTU 1280': { path: { mtuBytes: 1280 }, ...nearlyClean },
  'MTU 1500, then nothing larger': { path: { mtuBytes: 1500 }, ...nearlyClean },
  'MTU 9000': { path: { mtuBytes: 9000 }, ...nearlyClean },
  'MTU 65535': {
    path: { mtuBytes: 65_535, rateMbps: 500, delayUs: 50 },
    bytes: 50_000_000,
    ...nearlyClean,
  },
  'slow link of 1 Mbit/s': { path: { rateMbps: 1 }, bytes: 1_000_000 },
  'one byte': { bytes: 1 },
  empty: { bytes: 0 },
  'full sockets': { a: { blockedShare: 0.2 }, b: { blockedShare: 0.2 } },
  'damaged chunks': { b: { damaged: new Set([0, 3, 7, 30]) } },
};

for (const [name, path] of Object.entries(paths)) {
  forEachSeed(name, (seed) => {
    const outcome = runScenario({ ...path, seed });
    const linkMbps = path.path?.rateMbps ?? 50;
    note(name, outcome, linkMbps);
    expectComplete(outcome);
    const { resentMax = Infinity, shareMin = -1 } = path;
    if (resentMax < Infinity) expect(outcome.resentShare).toBeLessThan(resentMax);
    expect(outcome.goodputMbps / linkMbps).toBeGreaterThan(shareMin);
  });
}
