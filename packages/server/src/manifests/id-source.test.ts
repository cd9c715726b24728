import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createIdSource, isObjectId } from './id-source.js';

const randomBytes = (count: number): Uint8Array => new Uint8Array(count).fill(0xab);

describe('createIdSource', () => {
  it('writes time, version and variant as RFC 9562 has them', () => {
    const next = createIdSource({ nowMs: () => 0x017f22e279b0, randomBytes });
    expect(next()).toMatch(/^017f22e279b07[0-9a-f]{3}[89ab][0-9a-f]{15}$/);
  });

  it('property: ids rise strictly, whatever the clock does, and have the right form', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 300 }), (moments) => {
        let at = 0;
        const next = createIdSource({
          nowMs: () => 1_700_000_000_000 + (moments[at++] ?? 0),
          randomBytes,
        });
        const ids = moments.map(() => next());
        for (const id of ids) expect(isObjectId(id)).toBe(true);
        expect([...ids].sort()).toEqual(ids);
        expect(new Set(ids).size).toBe(ids.length);
      }),
    );
  });

  it('stays in order beyond 4,096 ids of one millisecond', () => {
    const next = createIdSource({ nowMs: () => 1_700_000_000_000, randomBytes });
    const ids = Array.from({ length: 10_000 }, () => next());
    expect([...ids].sort()).toEqual(ids);
    expect(new Set(ids).size).toBe(ids.length);
  });
});

describe('isObjectId', () => {
  it('takes 32 lower-case hex digits only', () => {
    expect(isObjectId('0'.repeat(32))).toBe(true);
    expect(isObjectId('0'.repeat(31))).toBe(false);
    expect(isObjectId('A'.repeat(32))).toBe(false);
    expect(isObjectId(`${'0'.repeat(31)}\n`)).toBe(false);
  });
});
