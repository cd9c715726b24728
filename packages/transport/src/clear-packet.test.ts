import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  CLEAR_BYTES_MAX,
  CLEAR_DATAGRAM_BYTES,
  CLEAR_KIND,
  COOKIE_BYTES_MAX,
  decodeClear,
  encodeClear,
} from './clear-packet.js';
import { encodeRefusal, encodeRetry, refusalReason, startsHandshake } from './clear-replies.js';

const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const packet = fc.record({
  destinationId: u32,
  kind: fc.nat(255),
  sourceId: u32,
  ackOffset: u32,
  offset: u32,
  cookie: fc.uint8Array({ maxLength: COOKIE_BYTES_MAX }),
  bytes: fc.uint8Array({ maxLength: CLEAR_BYTES_MAX }),
});

describe('clear packet', () => {
  it('decodes to what was encoded, padded or not', () => {
    fc.assert(
      fc.property(packet, fc.nat(1400), fc.nat(), (wanted, padTo, number) => {
        const datagram = encodeClear(wanted, number, padTo);
        expect(datagram.length).toBeGreaterThanOrEqual(padTo);
        expect(decodeClear(datagram)).toEqual(wanted);
      }),
    );
  });

  it('junk is refused or decodes within its bounds', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 1500 }), fc.boolean(), (junk, headed) => {
        if (headed && junk.length > 0) junk[0] = 0x10;
        const found = decodeClear(junk);
        if (found === null) return;
        expect(found.bytes.length).toBeLessThanOrEqual(CLEAR_BYTES_MAX);
        expect(found.cookie.length).toBeLessThanOrEqual(COOKIE_BYTES_MAX);
      }),
      { numRuns: 500 },
    );
  });

  it('a packet cut anywhere before its end is refused', () => {
    fc.assert(
      fc.property(packet, fc.nat(), (wanted, at) => {
        const datagram = encodeClear(wanted, 1);
        const cut = datagram.slice(0, at % datagram.length);
        expect(decodeClear(cut)).toBeNull();
      }),
    );
  });

  it('another version or class is refused', () => {
    const datagram = encodeRetry(5, new Uint8Array(4));
    for (let first = 0; first < 256; first += 1) {
      datagram[0] = first;
      expect(decodeClear(datagram) !== null).toBe(first === 0x10);
    }
  });

  it('decoded bytes are copies', () => {
    const datagram = encodeRefusal({ to: 1, from: 2 }, 'no');
    const found = decodeClear(datagram);
    datagram.fill(0xff);
    expect(refusalReason(found as NonNullable<typeof found>)).toBe('no');
  });
});

describe('clear replies', () => {
  it('startsHandshake: only a padded datagram with content and an id of its own', () => {
    const base = {
      destinationId: 0,
      kind: CLEAR_KIND.crypto,
      sourceId: 9,
      ackOffset: 0,
      offset: 0,
      cookie: new Uint8Array(0),
      bytes: new Uint8Array(10),
    };
    expect(startsHandshake(base, CLEAR_DATAGRAM_BYTES)).toBe(true);
    expect(startsHandshake(base, CLEAR_DATAGRAM_BYTES - 1)).toBe(false);
    expect(startsHandshake({ ...base, sourceId: 0 }, 1200)).toBe(false);
    expect(startsHandshake({ ...base, destinationId: 3 }, 1200)).toBe(false);
    expect(startsHandshake({ ...base, offset: 1 }, 1200)).toBe(false);
    expect(startsHandshake({ ...base, bytes: new Uint8Array(0) }, 1200)).toBe(false);
    expect(startsHandshake({ ...base, kind: CLEAR_KIND.retry }, 1200)).toBe(false);
  });

  it('answers are smaller than what they answer', () => {
    const cookie = new Uint8Array(COOKIE_BYTES_MAX);
    expect(encodeRetry(1, cookie).length).toBeLessThan(CLEAR_DATAGRAM_BYTES);
    const smallest = encodeClear(
      {
        destinationId: 1,
        kind: CLEAR_KIND.crypto,
        sourceId: 2,
        ackOffset: 0,
        offset: 0,
        cookie: new Uint8Array(0),
        bytes: new Uint8Array(0),
      },
      1,
    );
    expect(encodeRefusal({ to: 2, from: 1 }, '').length).toBeLessThanOrEqual(smallest.length);
    expect(encodeRefusal({ to: 2, from: 1 }, 'x'.repeat(5000)).length).toBeLessThan(300);
  });

  it('refusalReason: shows no control characters', () => {
    const packet = decodeClear(encodeRefusal({ to: 1, from: 2 }, 'a\u001b[31mb\n'));
    expect(refusalReason(packet as NonNullable<typeof packet>)).toBe('a?[31mb?');
  });
});
