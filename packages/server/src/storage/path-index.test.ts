import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PathIndex } from './path-index.js';

interface Place {
  readonly path: string;
  readonly isDirectory: boolean;
}

/** The plain rule, on a map of everything that exists. */
const refused = (taken: Map<string, string>, place: Place): boolean => {
  const parts = place.path.split('/');
  const above = parts.slice(1).map((_, length) => parts.slice(0, length + 1).join('/'));
  if (above.some((directory) => taken.get(directory) === 'file')) return true;
  const here = taken.get(place.path);
  if (here !== undefined && !(here === 'implied' && place.isDirectory)) return true;
  for (const directory of above) if (!taken.has(directory)) taken.set(directory, 'implied');
  taken.set(place.path, place.isDirectory ? 'directory' : 'file');
  return false;
};

describe('PathIndex', () => {
  test('model: what would meet in one place is refused, all else is taken', () => {
    const name = fc.constantFrom('a', 'b', 'ab');
    const place = fc.record({
      path: fc.array(name, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/')),
      isDirectory: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(place, { maxLength: 20 }), fc.integer(), (places, seed) => {
        const index = new PathIndex(seed);
        const taken = new Map<string, string>();
        for (const each of places) {
          const fault = index.add(Buffer.from(each.path), each.isDirectory);
          expect([each, fault !== null]).toEqual([each, refused(taken, each)]);
          // A refusal ends the transfer, so what follows it does not matter.
          if (fault !== null) return;
        }
      }),
      { numRuns: 400 },
    );
  });

  test('growth: 50,000 paths are told apart and found again', () => {
    const index = new PathIndex(7);
    const path = (number: number): Uint8Array => Buffer.from(`d${number % 500}/e/f${number}`);
    let faults = 0;
    for (let number = 0; number < 50_000; number += 1) {
      if (index.add(path(number), false) !== null) faults += 1;
    }
    expect(faults).toBe(0);
    for (let number = 0; number < 50_000; number += 997) {
      expect(index.add(path(number), false)).toBe('it is there twice');
    }
    expect(index.add(Buffer.from('d3/e'), false)).toBe('a file lies where a directory is needed');
    expect(index.add(Buffer.from('d3/e/f3/g'), false)).toBe(
      'a file lies where a directory is needed',
    );
  });
});
