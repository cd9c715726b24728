import { describe, expect, it } from 'vitest';
import { RATES_REMEMBERED_MAX, RateMemory } from './rate-memory.js';

describe('RateMemory', () => {
  it('knows nothing of a peer that was never seen', () => {
    expect(new RateMemory().hint('10.0.0.1')).toBe(0);
  });

  it('keeps what the latest settled flow has found, whether more or less', () => {
    const memory = new RateMemory();
    memory.note('10.0.0.1', { rate: 60, isSettled: true });
    memory.note('10.0.0.1', { rate: 20, isSettled: true });
    expect(memory.hint('10.0.0.1')).toBe(20);
  });

  it('does not let a flow too short to tell lower what is known', () => {
    const memory = new RateMemory();
    memory.note('10.0.0.1', { rate: 60, isSettled: true });
    memory.note('10.0.0.1', { rate: 2, isSettled: false });
    expect(memory.hint('10.0.0.1')).toBe(60);
    memory.note('10.0.0.1', { rate: 70, isSettled: false });
    expect(memory.hint('10.0.0.1')).toBe(70);
  });

  it('ignores a flow that has delivered nothing', () => {
    const memory = new RateMemory();
    memory.note('10.0.0.1', { rate: 60, isSettled: true });
    memory.note('10.0.0.1', { rate: 0, isSettled: true });
    memory.note('10.0.0.2', { rate: 0, isSettled: false });
    expect([memory.hint('10.0.0.1'), memory.hint('10.0.0.2')]).toEqual([60, 0]);
  });

  it('forgets the peer used longest ago beyond its limit', () => {
    const memory = new RateMemory();
    const settled = { rate: 5, isSettled: true };
    for (let peer = 0; peer < RATES_REMEMBERED_MAX; peer += 1) memory.note(`peer ${peer}`, settled);
    memory.note('peer 0', settled);
    memory.note('one more', settled);
    expect([memory.hint('peer 0'), memory.hint('peer 1'), memory.hint('one more')]).toEqual([
      5, 0, 5,
    ]);
  });
});
