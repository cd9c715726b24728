import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  CARRIER_ID_BYTES,
  decodeStreamAnswer,
  decodeStreamHello,
  encodeStreamAnswer,
  encodeStreamHello,
  STREAM_HELLO_BYTES_MAX,
} from './stream-hello.js';

const carrierId = fc.uint8Array({ minLength: CARRIER_ID_BYTES, maxLength: CARRIER_ID_BYTES });

describe('the first packets of a stream', () => {
  it('carry the id of a carrier', () => {
    fc.assert(
      fc.property(carrierId, (id) => {
        expect(decodeStreamHello(encodeStreamHello(id))).toEqual(id);
      }),
    );
  });

  it('say that a stream is taken, or why it is not', () => {
    expect(decodeStreamAnswer(encodeStreamAnswer(null))).toEqual({ taken: true });
    const reason = 'Cannot take the stream: too many are open';
    expect(decodeStreamAnswer(encodeStreamAnswer(reason))).toEqual({ taken: false, reason });
    expect(encodeStreamAnswer('x'.repeat(1000)).length).toBeLessThanOrEqual(STREAM_HELLO_BYTES_MAX);
  });

  it('are refused when anything about them is wrong', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const hello = decodeStreamHello(bytes);
        if (hello !== null) expect(bytes.length).toBe(1 + CARRIER_ID_BYTES);
        const answer = decodeStreamAnswer(bytes);
        if (answer !== null) expect(bytes[0]).toBe(1);
      }),
    );
    expect(decodeStreamHello(new Uint8Array(1 + CARRIER_ID_BYTES))).toBeNull();
    expect(decodeStreamHello(encodeStreamHello(new Uint8Array(15)))).toBeNull();
    expect(decodeStreamAnswer(new Uint8Array([1]))).toBeNull();
  });
});
