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

const paths: Readonly<Record<string, Omit<Scenario, 'seed'> & { resentMax?: number }>> = {
  clean: { resentMax: 0.05 },
  'delay 1 ms': { path: { delayUs: 500 } },
  'delay 10 ms': { path: { delayUs: 5000 } },
  'delay 200 ms': { path: { delayUs: 100_000 } },
  'delay 600 ms': { path: { delayUs: 300_000, queueUs: 300_000 } },
  'loss 1 %': { path: { loss: 0.01 } },
  'loss 5 %': { path: { loss: 0.05 } },
  'loss 10 %': { path: { loss: 0.1 } },
  'loss 30 %': { path: { loss: 0.3 } },
  'loss 30 %, 1 s': { path: { loss: 0.3, delayUs: 500_000 }, bytes: 4_000_000 },
  'burst loss 2 % in runs of 10': { path: { loss: 0.02, burstPackets: 10 } },
  'burst loss 5 % in runs of 50': { path: { loss: 0.05, burstPackets: 50 } },
  'reordering 5 %': { path: { reorder: 0.05, reorderUs: 10_000 } },
  'reordering 5 % by 60 ms': { path: { reorder: 0.05, reorderUs: 60_000 } },
  'duplication 5 %': { path: { duplicate: 0.05 } },
  'corruption 1 %': { path: { corrupt: 0.01 } },
  'corruption and mangling 0.1 %': { path: { corrupt: 0.001, mangle: 0.001 } },
  'jitter 20 ms': { path: { jitterUs: 20_000 } },
  'everything at once': {
    path: { loss: 0.03, reorder: 0.05, duplicate: 0.05, corrupt: 0.005, jitterUs: 10_000 },
  },
  'asymmetric 100:1': { back: { rateMbps: 0.5 } },
  'asymmetric 100:1, loss 1 %': { path: { loss: 0.01 }, back: { rateMbps: 0.5 } },
  'shallow queue of 10 ms': { path: { queueUs: 10_000 } },
  'MTU 1280': { path: { mtuBytes: 1280 } },
  'MTU 1500, then nothing larger': { path: { mtuBytes: 1500 } },
  'MTU 9000': { path: { mtuBytes: 9000 } },
  'MTU 65535': { path: { mtuBytes: 65_535, rateMbps: 500, delayUs: 50 }, bytes: 50_000_000 },
  'slow link of 1 Mbit/s': { path: { rateMbps: 1 }, bytes: 1_000_000 },
  'one byte': { bytes: 1 },
  empty: { bytes: 0 },
  'full sockets': { a: { blockedShare: 0.2 }, b: { blockedShare: 0.2 } },
  'damaged chunks': { b: { damaged: new Set([0, 3, 7, 30]) } },
};

for (const [name, path] of Object.entries(paths)) {
  forEachSeed(name, (seed) => {
    const outcome = runScenario({ ...path, seed });
    note(name, outcome, path.path?.rateMbps ?? 50);
    expectComplete(outcome);
    if (path.resentMax !== undefined) expect(outcome.resentShare).toBeLessThan(path.resentMax);
  });
}
