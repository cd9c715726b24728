import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeStreamFrame, STREAM_PACKET_BYTES_MAX, StreamFrameReader } from './stream-frame.js';

const packets = fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { maxLength: 12 });
const cuts = fc.array(fc.integer({ min: 1, max: 97 }), { minLength: 1, maxLength: 20 });

const join = (parts: readonly Uint8Array[]): Uint8Array =>
  new Uint8Array(parts.flatMap((part) => [...part]));

/** Pushes a stream in pieces of these sizes, over and over. */
const read = (stream: Uint8Array, sizes: readonly number[], reader: StreamFrameReader) => {
  const found: number[][] = [];
  for (let at = 0, i = 0; at < stream.length; i += 1) {
    const piece = stream.subarray(at, at + (sizes[i % sizes.length] as number));
    const used = reader.push(piece, (packet) => {
      found.push([...packet]);
      return true;
    });
    if (used < 0) return { found, broken: true };
    expect(used).toBe(piece.length);
    expect(reader.heldBytes).toBeLessThanOrEqual(STREAM_PACKET_BYTES_MAX);
    at += piece.length;
  }
  return { found, broken: false };
};

describe('StreamFrameReader', () => {
  it('finds every packet, however the stream is cut', () => {
    fc.assert(
      fc.property(packets, cuts, (sent, sizes) => {
        const stream = join(sent.map(encodeStreamFrame));
        const { found, broken } = read(stream, sizes, new StreamFrameReader());
        expect(broken).toBe(false);
        expect(found).toEqual(sent.map((packet) => [...packet]));
      }),
    );
  });

  it('holds back a packet whose end is missing', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 300 }), cuts, (packet, sizes) => {
        const stream = encodeStreamFrame(packet).subarray(0, -1);
        const { found, broken } = read(stream, sizes, new StreamFrameReader());
        expect([found.length, broken]).toEqual([0, false]);
      }),
    );
  });

  it('takes any bytes without an exception, and keeps within its bounds', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), cuts, (bytes, sizes) => {
        const { found } = read(bytes, sizes, new StreamFrameReader(64));
        for (const packet of found) expect(packet.length).toBeLessThanOrEqual(64);
      }),
    );
  });

  it('refuses a length of zero and one that is too long', () => {
    const push = (bytes: number[]): number =>
      new StreamFrameReader(64).push(new Uint8Array(bytes), () => true);
    expect(push([0, 0, 1])).toBe(-1);
    expect(push([0, 65])).toBe(-1);
    expect(push([0, 64])).toBe(2);
  });

  it('stops where it is told to and says how far it came', () => {
    const stream = join([[1], [2, 2]].map((packet) => encodeStreamFrame(new Uint8Array(packet))));
    expect(new StreamFrameReader().push(stream, () => false)).toBe(3);
  });
});
