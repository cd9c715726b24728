import { describe, expect, it } from 'vitest';
import { QueueYield } from './queue-yield.js';

describe('QueueYield', () => {
  it('gives way for a few rounds, then leaves the queue to whoever owns it', () => {
    const queue = new QueueYield(4);
    const seen = Array.from({ length: 20 }, () => {
      queue.endRound(true);
      return queue.yielding;
    });
    expect(seen.slice(0, 4)).toEqual([true, true, true, true]);
    expect(seen.slice(4, 13).some(Boolean)).toBe(false);
    expect(seen[13]).toBe(true);
  });

  it('stops as soon as the queue is gone', () => {
    const queue = new QueueYield(4);
    queue.endRound(true);
    queue.endRound(false);
    expect(queue.yielding).toBe(false);
    queue.endRound(true);
    expect(queue.yielding).toBe(true);
    queue.reset();
    expect(queue.yielding).toBe(false);
  });

  it('counts the rounds that it gives way for', () => {
    const queue = new QueueYield(4);
    const seen = Array.from({ length: 6 }, () => {
      queue.endRound(true);
      return queue.rounds;
    });
    expect(seen).toEqual([1, 2, 3, 4, 0, 0]);
  });
});
