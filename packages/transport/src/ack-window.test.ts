import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ACK_WINDOW_PACKETS, AckWindow } from './ack-window.js';

/** Reads a bitmap back: packet numbers whose bit is set. */
const numbersOf = (top: number, bytes: Uint8Array, length: number): number[] => {
  const numbers: number[] = [];
  for (let i = 0; i < length * 8; i += 1) {
    if (((bytes[i >> 3] as number) & (1 << (i & 7))) !== 0) numbers.push(top - i);
  }
  return numbers;
};

/** Steps from the highest number so far: mostly near, sometimes beyond the window. */
const steps = fc.array(
  fc.oneof(
    { weight: 8, arbitrary: fc.integer({ min: -40, max: 40 }) },
    { weight: 1, arbitrary: fc.integer({ min: -ACK_WINDOW_PACKETS - 5, max: 300_000 }) },
  ),
  { maxLength: 200 },
);

describe('AckWindow', () => {
  it('add: accepts each number once, and none behind the window, like a set', () => {
    fc.assert(
      fc.property(steps, (offsets) => {
        const window = new AckWindow();
        const seen = new Set<number>();
        let highest = -1;
        for (const offset of offsets) {
          const number = Math.max(0, highest + offset);
          const fresh = !seen.has(number) && number > highest - ACK_WINDOW_PACKETS;
          expect(window.has(number)).toBe(seen.has(number) && !fresh && inReach(number, highest));
          expect(window.add(number, 5)).toBe(fresh);
          if (fresh) seen.add(number);
          highest = Math.max(highest, number);
          expect(window.highest).toBe(highest);
        }
      }),
      { numRuns: 200 },
    );
  });

  it('writeBitmap: names exactly what came in above the floor', () => {
    fc.assert(
      fc.property(steps, fc.nat(100), fc.integer({ min: 1, max: 64 }), (offsets, back, room) => {
        const window = new AckWindow();
        const seen = new Set<number>();
        for (const offset of offsets) {
          const number = Math.max(0, window.highest + offset);
          if (window.add(number, 5)) seen.add(number);
        }
        if (window.highest < 0) return;
        const floor = Math.max(0, window.highest - back);
        window.raiseFloor(floor);
        const bytes = new Uint8Array(room).fill(0xff);
        const length = window.writeBitmap(window.highest, bytes, 0, room);
        const lowest = Math.max(floor, window.highest - room * 8 + 1);
        const expected = [...seen].filter((number) => number >= lowest).sort((a, b) => b - a);
        expect(numbersOf(window.highest, bytes, length)).toEqual(expected);
        if (length > 0) expect(bytes[length - 1]).not.toBe(0);
      }),
    );
  });

  it('writeBitmap: several fragments cover the whole span', () => {
    const window = new AckWindow();
    const seen: number[] = [];
    for (let number = 0; number < 1000; number += 1) {
      if (number % 7 === 3) continue;
      window.add(number, 1);
      seen.push(number);
    }
    const found: number[] = [];
    const bytes = new Uint8Array(10);
    for (let top = window.highest; top >= 0; top -= 80) {
      found.push(...numbersOf(top, bytes, window.writeBitmap(top, bytes, 0, 10)));
    }
    expect(found.sort((a, b) => a - b)).toEqual(seen);
  });

  it('raiseFloor: ignores numbers that were never reached, and never goes back', () => {
    const window = new AckWindow();
    window.add(10, 1);
    window.raiseFloor(50);
    expect(window.span).toBe(11);
    window.raiseFloor(8);
    expect(window.span).toBe(3);
    window.raiseFloor(2);
    expect(window.span).toBe(3);
  });

  it('highestAt: is the arrival of the highest number, not of the latest', () => {
    const window = new AckWindow();
    window.add(5, 100);
    window.add(3, 200);
    expect(window.highestAt).toBe(100);
  });
});

const inReach = (number: number, highest: number): boolean => number > highest - ACK_WINDOW_PACKETS;
