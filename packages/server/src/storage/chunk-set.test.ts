import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ChunkSet } from './chunk-set.js';

describe('ChunkSet', () => {
  test('model: behaves as a plain set, with merged ranges', () => {
    const range = fc.tuple(fc.nat(40), fc.nat(6), fc.nat(5)).map(([first, more, chance]) => ({
      first,
      end: first + more,
      isRemoval: chance === 0,
    }));
    fc.assert(
      fc.property(fc.array(range, { maxLength: 25 }), (ranges) => {
        const set = new ChunkSet();
        const model = new Set<number>();
        for (const each of ranges) {
          if (each.isRemoval) set.removeRange(each);
          else set.addRange(each);
          for (let value = each.first; value < each.end; value += 1) {
            if (each.isRemoval) model.delete(value);
            else model.add(value);
          }
        }
        expect(set.size).toBe(model.size);
        for (let value = 0; value < 50; value += 1) {
          expect(set.has(value)).toBe(model.has(value));
          let missing = value;
          while (model.has(missing)) missing += 1;
          expect(set.firstMissing(value)).toBe(missing);
          expect(set.covers({ first: 10, end: value })).toBe(
            [...Array(Math.max(0, value - 10)).keys()].every((more) => model.has(10 + more)),
          );
        }
        const merged = set.ranges();
        merged.forEach((each, index) => {
          expect(each.first).toBeLessThan(each.end);
          expect(each.first).toBeGreaterThan(merged[index - 1]?.end ?? -1);
        });
        expect(new ChunkSet(merged).ranges()).toEqual(merged);
      }),
    );
  });
});
