import { describe, expect, it } from 'vitest';
import { PathScout } from './path-scout.js';

/** Sends whatever is due. @returns When each train left. */
const runScout = (scout: PathScout, firstPacket: number): number[] => {
  const times: number[] = [];
  for (let now = 0, next = firstPacket; now < 1_000_000; now += 1000) {
    if (now < scout.dueAt) continue;
    times.push(now);
    next += 32;
    scout.sent(next - 1, now);
  }
  return times;
};

describe('PathScout', () => {
  it('has trains sent one after the other, each far enough behind the last for an ack of its own', () => {
    const scout = new PathScout();
    scout.start(0, 100_000);
    const times = runScout(scout, 2);
    expect(times).toEqual([12_000, 24_000, 36_000, 48_000]);
    expect(scout.dueAt).toBe(Infinity);
  });

  it('measures once in the life of a flow, and not where round trips are short', () => {
    const short = new PathScout();
    short.start(0, 10_000);
    expect(short.dueAt).toBe(Infinity);
    const scout = new PathScout();
    scout.start(0, 100_000);
    runScout(scout, 0);
    scout.start(2_000_000, 100_000);
    expect(scout.dueAt).toBe(Infinity);
  });

  it('covers: acks up to the last scout tell nothing of content', () => {
    const scout = new PathScout();
    expect(scout.covers(0)).toBe(false);
    scout.start(0, 100_000);
    runScout(scout, 2);
    expect(scout.covers(129)).toBe(true);
    expect(scout.covers(130)).toBe(false);
  });

  it('stop: nothing more leaves', () => {
    const scout = new PathScout();
    scout.start(0, 100_000);
    scout.stop();
    expect(runScout(scout, 0)).toEqual([]);
  });
});
