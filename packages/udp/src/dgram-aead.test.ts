import { CIPHER } from '@jetstream/transport';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EpochKey, KeyRing } from './dgram-aead.js';

const iv = new Uint8Array(12);
const keyOf = (epoch: number) =>
  new EpochKey({ direction: 'send', epoch, cipher: CIPHER.none, key: new Uint8Array(0), iv });

describe('KeyRing', () => {
  it('find: the epoch of any packet number is its quotient', () => {
    const numbers = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
    fc.assert(
      fc.property(numbers, fc.integer({ min: 8, max: 26 }), (number, shift) => {
        const epoch = number >> BigInt(shift);
        const ring = new KeyRing(shift);
        const high = Number(number >> 32n);
        const low = Number(number & 0xffffffffn);
        const fits = epoch <= BigInt(Number.MAX_SAFE_INTEGER);
        if (fits) ring.install(keyOf(Number(epoch)));
        const near = keyOf(Math.min(Number(epoch) + 1, Number.MAX_SAFE_INTEGER));
        ring.install(near);
        const found = ring.find(high, low);
        if (fits) expect(found?.epoch).toBe(Number(epoch));
        else expect(found).toBeUndefined();
      }),
    );
  });

  it('install: a key takes the place of the one held four epochs before', () => {
    const ring = new KeyRing(8);
    for (let epoch = 0; epoch < 5; epoch++) ring.install(keyOf(epoch));
    expect(ring.find(0, 0)).toBeUndefined();
    for (let epoch = 1; epoch < 5; epoch++) expect(ring.find(0, epoch * 256)?.epoch).toBe(epoch);
    ring.wipe();
    expect(ring.find(0, 256)).toBeUndefined();
  });
});
