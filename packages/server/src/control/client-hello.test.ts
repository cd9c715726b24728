import { once } from 'node:events';
import { Duplex } from 'node:stream';
import tls from 'node:tls';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { CLIENT_HELLO_BYTES_MAX, offersProtocol } from './client-hello.js';

const NAME = 'jetstream-streams/1';

/** The first message of a real client. */
async function helloOf(options: tls.ConnectionOptions): Promise<Buffer> {
  const wire = new Duplex({
    read() {},
    write(bytes: Buffer, _encoding, done) {
      this.emit('written', Buffer.from(bytes));
      done();
    },
  });
  const written = once(wire, 'written');
  const client = tls.connect({ socket: wire, ...options });
  client.on('error', () => undefined);
  const [bytes] = (await written) as [Buffer];
  client.destroy();
  return bytes;
}

describe('offersProtocol', () => {
  let ours: Buffer = Buffer.alloc(0);
  let others: Buffer[] = [];

  beforeAll(async () => {
    const servername = 'receiver.example';
    ours = await helloOf({ ALPNProtocols: ['other', NAME], minVersion: 'TLSv1.3', servername });
    others = await Promise.all([
      helloOf({ ALPNProtocols: ['http/1.1', 'h2'] }),
      helloOf({ servername }),
      helloOf({ ALPNProtocols: [`${NAME}0`, NAME.slice(0, -1)] }),
    ]);
  });

  it('tells clients that offer it from those that do not', () => {
    expect(offersProtocol(ours, NAME)).toBe(true);
    expect(others.map((hello) => offersProtocol(hello, NAME))).toEqual([false, false, false]);
  });

  it('waits for the whole message', () => {
    for (let length = 0; length < ours.length; length += 1) {
      expect(offersProtocol(ours.subarray(0, length), NAME)).toBeNull();
    }
    expect(offersProtocol(Buffer.concat([ours, Buffer.from('more')]), NAME)).toBe(true);
  });

  it('does not wait for what is no TLS, or longer than TLS allows', () => {
    expect(offersProtocol(Buffer.from('GET / HTTP/1.1'), NAME)).toBe(false);
    expect(offersProtocol(Buffer.from([22, 3, 1, 0xff, 0xff]), NAME)).toBe(false);
    expect(offersProtocol(Buffer.from([22, 3, 1, 0x40, 0]), NAME)).toBeNull();
    expect(CLIENT_HELLO_BYTES_MAX).toBe(5 + 0x4000);
  });

  it('survives any damage', () => {
    const damage = fc.array(fc.tuple(fc.nat(600), fc.integer({ min: 0, max: 255 })), {
      minLength: 1,
      maxLength: 8,
    });
    fc.assert(
      fc.property(damage, fc.nat(600), (changes, length) => {
        const hello = Buffer.from(ours.subarray(0, length));
        for (const [at, value] of changes) if (at < hello.length) hello[at] = value;
        expect([true, false, null]).toContain(offersProtocol(hello, NAME));
      }),
      { numRuns: 2000 },
    );
  });

  it('takes any bytes without an exception', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        const record = Buffer.from([22, 3, 1, bytes.length >> 8, bytes.length & 255, ...bytes]);
        expect([true, false]).toContain(offersProtocol(record, NAME));
      }),
      { numRuns: 1000 },
    );
  });
});
