import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeMessage, MESSAGE_BYTES_MAX, type Message, MessageReader } from './messages.js';

const message = fc.record({
  type: fc.nat(255),
  channel: fc.nat(0xffff),
  body: fc.uint8Array({ maxLength: 300 }),
});

/** Cuts bytes at the given places. */
const cut = (bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] => {
  const places = [...new Set(cuts.map((at) => at % (bytes.length + 1)))].sort((a, b) => a - b);
  const pieces: Uint8Array[] = [];
  let from = 0;
  for (const at of [...places, bytes.length]) {
    pieces.push(bytes.subarray(from, at));
    from = at;
  }
  return pieces;
};

describe('MessageReader', () => {
  it('yields every message, wherever the stream is cut', () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 12 }), fc.array(fc.nat()), (list, cuts) => {
        const bytes = new Uint8Array(Buffer.concat(list.map(encodeMessage)));
        const reader = new MessageReader();
        const found: Message[] = [];
        for (const piece of cut(bytes, cuts)) {
          const complete = reader.push(piece);
          expect(complete).not.toBeNull();
          found.push(...(complete ?? []));
        }
        expect(found).toEqual(list);
      }),
    );
  });

  it('yields a message as soon as its last byte is there', () => {
    const reader = new MessageReader();
    const bytes = encodeMessage({ type: 3, channel: 9, body: new Uint8Array([1, 2]) });
    for (let i = 0; i < bytes.length - 1; i += 1) {
      expect(reader.push(bytes.subarray(i, i + 1))).toEqual([]);
    }
    expect(reader.push(bytes.subarray(bytes.length - 1))).toHaveLength(1);
  });

  it('refuses a length beyond the limit before any of the body is there', () => {
    const body = new Uint8Array(0);
    const head = encodeMessage({ type: 1, channel: 1, body });
    new DataView(head.buffer).setUint32(0, MESSAGE_BYTES_MAX + 1);
    expect(new MessageReader().push(head)).toBeNull();
    new DataView(head.buffer).setUint32(0, MESSAGE_BYTES_MAX);
    expect(new MessageReader().push(head)).toEqual([]);
  });

  it('bodies do not change when the bytes they came in do', () => {
    const reader = new MessageReader();
    const bytes = encodeMessage({ type: 1, channel: 1, body: new Uint8Array([7, 8, 9]) });
    const [found] = reader.push(bytes) ?? [];
    bytes.fill(0);
    expect([...(found?.body ?? [])]).toEqual([7, 8, 9]);
  });
});
