import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ACK_CREDITS_MAX, ackBitmapBytesMax, readAck, writeAckHead } from './ack-frame.js';
import { CONTROL_BYTES_MAX } from './wire.js';

const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const head = fc.record({
  delayUs: u32,
  trainRate: u32,
  rateLimit: u32,
  streamLimit: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
  credits: fc.array(fc.record({ channel: fc.integer({ min: 0, max: 0xffff }), chunkLimit: u32 }), {
    maxLength: ACK_CREDITS_MAX,
  }),
});

describe('ack frame', () => {
  it('readAck: yields what writeAckHead wrote, and where the bitmap lies', () => {
    fc.assert(
      fc.property(head, fc.nat(100), fc.nat(50), (wanted, at, bitmapBytes) => {
        const bytes = new Uint8Array(at + CONTROL_BYTES_MAX);
        const bitmapStart = writeAckHead(bytes, at, wanted);
        const length = bitmapStart - at + bitmapBytes;
        const bitmapEnd = bitmapStart + bitmapBytes;
        expect(readAck(bytes, at, length)).toEqual({ ...wanted, bitmapStart, bitmapEnd });
      }),
    );
  });

  it('ackBitmapBytesMax: fills a control frame exactly', () => {
    fc.assert(
      fc.property(head, (wanted) => {
        const start = writeAckHead(new Uint8Array(CONTROL_BYTES_MAX), 0, wanted);
        expect(start + ackBitmapBytesMax(wanted.credits.length)).toBe(CONTROL_BYTES_MAX);
      }),
    );
  });

  it('readAck: never reads beyond a payload, whatever it holds', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const ack = readAck(bytes, 0, bytes.length);
        if (ack === null) return;
        expect(ack.credits.length).toBeLessThanOrEqual(ACK_CREDITS_MAX);
        expect(ack.bitmapStart).toBeLessThanOrEqual(ack.bitmapEnd);
        expect(ack.bitmapEnd).toBe(bytes.length);
      }),
    );
  });

  it('readAck: refuses a payload that is cut in its head or its credits', () => {
    const bytes = new Uint8Array(CONTROL_BYTES_MAX);
    const credits = [{ channel: 1, chunkLimit: 2 }];
    const end = writeAckHead(bytes, 0, {
      delayUs: 1,
      trainRate: 2,
      rateLimit: 4,
      streamLimit: 3,
      credits,
    });
    for (let length = 0; length < end; length += 1) expect(readAck(bytes, 0, length)).toBeNull();
    expect(readAck(bytes, 0, end)).not.toBeNull();
  });

  it('writeAckHead: keeps times in range', () => {
    const bytes = new Uint8Array(CONTROL_BYTES_MAX);
    const end = writeAckHead(bytes, 0, {
      delayUs: -5,
      trainRate: 1e12,
      rateLimit: 1e12,
      streamLimit: 0,
      credits: [],
    });
    expect(readAck(bytes, 0, end)).toMatchObject({
      delayUs: 0,
      trainRate: 0xffff_ffff,
      rateLimit: 0xffff_ffff,
    });
  });
});
