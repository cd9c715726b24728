import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MessageBudget } from './message-budget.js';

const LIMITS = { freeBytes: 10, perOwnerBytes: 100, totalBytes: 150 };

describe('MessageBudget', () => {
  it('a stranger gets the free bytes and no more', () => {
    const hold = new MessageBudget(LIMITS).open(null);
    expect(hold.grow(10)).toBe(true);
    expect(hold.grow(1)).toBe(false);
    expect(hold.grow(-1)).toBe(true);
    expect(hold.grow(1)).toBe(true);
  });

  it('a user gets a share, over all messages, and all users the total', () => {
    const budget = new MessageBudget(LIMITS);
    const [first, second] = [budget.open('ann'), budget.open('ann')];
    expect(first.grow(70)).toBe(true);
    expect(second.grow(50)).toBe(true);
    expect(second.grow(1)).toBe(false);
    const other = budget.open('bob');
    expect(other.grow(61)).toBe(false);
    expect(other.grow(60)).toBe(true);
    expect(budget.total).toBe(150);
    first.release();
    first.release();
    expect(budget.total).toBe(90);
    expect(second.grow(1)).toBe(true);
  });

  it('small messages are never refused, however much is held', () => {
    const budget = new MessageBudget(LIMITS);
    expect(budget.open('ann').grow(110)).toBe(true);
    expect(budget.open('bob').grow(60)).toBe(true);
    for (const owner of ['ann', 'bob', null]) expect(budget.open(owner).grow(10)).toBe(true);
  });

  it('what is held never exceeds the limits, and nothing is left when all is released', () => {
    const step = fc.record({
      hold: fc.nat(7),
      bytes: fc.integer({ min: -50, max: 120 }),
      release: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const budget = new MessageBudget(LIMITS);
        const holds = ['ann', 'ann', 'ann', 'bob', 'bob', 'eve', null, null].map((owner) =>
          budget.open(owner),
        );
        for (const { hold, bytes, release } of steps) {
          if (release) holds[hold]?.release();
          else holds[hold]?.grow(bytes);
          expect(budget.total).toBeGreaterThanOrEqual(0);
          expect(budget.total).toBeLessThanOrEqual(LIMITS.totalBytes);
        }
        for (const hold of holds) hold.release();
        expect(budget.total).toBe(0);
      }),
      { seed: 7 },
    );
  });
});
