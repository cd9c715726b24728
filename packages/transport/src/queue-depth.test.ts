import { describe, expect, it } from 'vitest';
import { QueueDepth } from './queue-depth.js';

describe('QueueDepth', () => {
  it('is taken for a common one before a full queue was met', () => {
    const depth = new QueueDepth();
    expect(depth.burstUs).toBe(20_000);
    expect(depth.probeExcessMax(160_000)).toBeCloseTo(0.25);
  });

  it('bursts and probes fit into parts of it', () => {
    const depth = new QueueDepth();
    depth.noteFull(10_000);
    expect(depth.burstUs).toBe(2500);
    expect(depth.probeExcessMax(50_000)).toBeCloseTo(0.1);
  });

  it('round trips that a late reader made longer hardly raise it, a deeper queue does in time', () => {
    const depth = new QueueDepth();
    depth.noteFull(10_000);
    depth.noteFull(60_000);
    expect(depth.burstUs).toBeLessThan(2600);
    for (let i = 0; i < 200; i += 1) depth.noteFull(60_000);
    expect(depth.burstUs).toBe(15_000);
  });
});
