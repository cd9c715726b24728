import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareQueued, type QueuedTransfer, TransferQueue } from './transfer-queue.js';

const limits = (activeMax: number, perDestination: number) => ({
  activeMax,
  activePerDestinationMax: () => perDestination,
});

const item = (transferId: string, destinationId = 'a:1', priority = 100): QueuedTransfer => ({
  transferId,
  destinationId,
  priority,
});

const drain = (queue: TransferQueue): string[] => {
  const order: string[] = [];
  for (let next = queue.next(); next !== null; next = queue.next()) order.push(next.transferId);
  return order;
};

describe('TransferQueue', () => {
  it('goes by priority, then by age, over all destinations', () => {
    const queue = new TransferQueue(limits(10, 10));
    for (const entry of [item('3'), item('1', 'b:1'), item('9', 'a:1', 5), item('2')]) {
      queue.add(entry);
    }
    expect(drain(queue)).toEqual(['9', '1', '2', '3']);
  });

  it('keeps a full destination waiting and lets others pass', () => {
    const queue = new TransferQueue(limits(10, 1));
    for (const entry of [item('1'), item('2'), item('3', 'b:1', 999)]) queue.add(entry);
    expect(drain(queue)).toEqual(['1', '3']);
    expect(queue.waitingCount('a:1')).toBe(1);
    expect(queue.release('1')).toBe(true);
    expect(queue.release('1')).toBe(false);
    expect(drain(queue)).toEqual(['2']);
  });

  it('takes a waiting transfer out, and adds none twice', () => {
    const queue = new TransferQueue(limits(10, 10));
    queue.add(item('1'));
    queue.add(item('1'));
    expect(queue.waitingCount('a:1')).toBe(1);
    expect(queue.remove(item('1'))).toBe(true);
    expect(queue.remove(item('1'))).toBe(false);
    expect(queue.next()).toBeNull();
  });

  it('property: never over a limit, always the first that may run, nothing lost', () => {
    const entries = fc.uniqueArray(
      fc.record({
        transferId: fc.stringMatching(/^[0-9a-f]{4}$/),
        destinationId: fc.constantFrom('a', 'b', 'c'),
        priority: fc.integer({ min: 0, max: 3 }),
      }),
      { selector: (entry) => entry.transferId, maxLength: 40 },
    );
    fc.assert(
      fc.property(
        entries,
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 3 }),
        (all, activeMax, perDestination) => {
          const queue = new TransferQueue(limits(activeMax, perDestination));
          for (const entry of all) queue.add(entry);
          const waiting: QueuedTransfer[] = [...all].sort(compareQueued);
          const running: QueuedTransfer[] = [];
          while (waiting.length > 0 || running.length > 0) {
            const next = queue.next();
            if (next === null) {
              const done = running.shift();
              expect(done).toBeDefined();
              expect(queue.release(done?.transferId ?? '')).toBe(true);
              continue;
            }
            const hasRoom = (entry: QueuedTransfer): boolean =>
              running.filter((other) => other.destinationId === entry.destinationId).length <
              perDestination;
            expect(next).toEqual(waiting.find(hasRoom));
            waiting.splice(waiting.indexOf(next), 1);
            running.push(next);
            expect(running.length).toBeLessThanOrEqual(activeMax);
          }
        },
      ),
    );
  });
});
