import { describe, expect, it } from 'vitest';
import { type CostRun, costTable, costVerdict, peerCost } from './cost-table.js';

const cost = (cpuPerGb: number): CostRun => ({ goodputMbps: 400, cpuPerGb, emulatorPerGb: 5 });
const runsOf = (ours: readonly number[], aria2: readonly number[]) =>
  new Map([
    ['ours', ours.map(cost)],
    ['aria2-bbr', aria2.map(cost)],
  ]);

describe('costVerdict', () => {
  it('allows half as much again as aria2, median against median', () => {
    const verdict = (ours: readonly number[]) =>
      costVerdict('loopback', runsOf(ours, [1, 2, 9]), 'ours')[0];
    expect(verdict([3, 0, 99])).toMatchObject({ met: true, measured: '3.00' });
    expect(verdict([3.1, 0, 99])).toMatchObject({
      met: false,
      target: '<= 3.00 (1.5 x aria2-bbr)',
    });
  });

  it('says nothing without a figure of aria2', () => {
    expect(costVerdict('loopback', runsOf([3], []), 'ours')).toEqual([]);
    expect(costVerdict('loopback', new Map([['ours', [cost(3)]]]), 'ours')).toEqual([]);
  });
});

describe('peerCost', () => {
  const run = { seconds: 2, goodputMbps: 8, bytes: 2e9, cpuSeconds: 3, emulatorCpu: 1 };

  it('counts for each GB', () => {
    const finished = { ...run, forwardBytes: 0, outcome: 'finished' as const };
    expect(peerCost(finished)).toEqual({ goodputMbps: 8, cpuPerGb: 1.5, emulatorPerGb: 0.5 });
  });

  it('has no figure for a file that did not arrive whole', () => {
    expect(peerCost({ ...run, forwardBytes: 0, outcome: 'cut off' })).toBeNull();
  });
});

describe('costTable', () => {
  it('shows medians and all runs, and a dash for a tool without any', () => {
    const text = costTable(runsOf([1, 3, 2], []));
    expect(text).toContain('| ours | 2.00 | 5.00 | 400 | 1.00, 3.00, 2.00 |');
    expect(text).toContain('| aria2-bbr | - | - | - |  |');
  });
});
