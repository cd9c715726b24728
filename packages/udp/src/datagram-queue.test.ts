import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DatagramQueue } from './datagram-queue.js';

const source = { address: '127.0.0.1', port: 1 };

describe('DatagramQueue', () => {
  it('push and drop: first in, first out, within both bounds, the rest counted', () => {
    const steps = fc.array(fc.option(fc.nat(60), { freq: 2 }), { maxLength: 200 });
    fc.assert(
      fc.property(steps, (plan) => {
        const queue = new DatagramQueue(7, 200);
        const model: Buffer[] = [];
        let overflowed = 0;
        for (const size of plan) {
          if (size === null) {
            expect(queue.peek()?.bytes).toBe(model[0]);
            queue.drop();
            model.shift();
          } else {
            const bytes = Buffer.alloc(size);
            const used = model.reduce((sum, one) => sum + one.length, 0);
            if (model.length < 7 && used + size <= 200) model.push(bytes);
            else overflowed++;
            queue.push({ bytes, source });
          }
          expect(queue.count).toBe(model.length);
          expect(queue.overflowed).toBe(overflowed);
        }
        queue.clear();
        expect(queue.count).toBe(0);
        expect(queue.peek()).toBeUndefined();
      }),
    );
  });
});
