import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ClearPacket, decodeClear, encodeClear } from './clear-packet.js';
import { CRYPTO_BYTES_MAX, CryptoExchange } from './crypto-exchange.js';
import { diceOf } from './dice.conformance.js';

const decode = (datagram: Uint8Array): ClearPacket => {
  const packet = decodeClear(datagram);
  if (packet === null) throw new Error('an exchange sends clear packets only');
  return packet;
};

const newPair = () => ({
  client: new CryptoExchange({ role: 'client', localId: 7, remoteId: 0 }),
  server: new CryptoExchange({ role: 'server', localId: 8, remoteId: 7 }),
});

const bytesOf = (length: number, salt: number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => (i * 7 + salt) & 0xff);

describe('CryptoExchange', () => {
  it('carries both directions whole, over loss and reordering', () => {
    fc.assert(
      fc.property(fc.integer(), fc.nat(4000), fc.nat(4000), (seed, up, down) => {
        const dice = diceOf(seed);
        const { client, server } = newPair();
        client.write(bytesOf(up + 1, 1));
        server.write(bytesOf(down + 1, 2));
        const got: Record<'up' | 'down', Uint8Array[]> = { up: [], down: [] };
        let flying: { at: number; to: 'up' | 'down'; datagram: Uint8Array }[] = [];
        const post = (tick: number, to: 'up' | 'down', datagrams: readonly Uint8Array[]) => {
          for (const datagram of datagrams) {
            if (dice(3) > 0) flying.push({ at: tick + 1 + dice(4), to, datagram });
          }
        };
        for (let tick = 0; tick < 2000; tick += 1) {
          const now = tick * 50_000;
          const due = flying.filter((item) => item.at <= tick);
          flying = flying.filter((item) => item.at > tick);
          for (const { to, datagram } of due) {
            const target = to === 'up' ? server : client;
            const pieces = target.receive(decode(datagram), datagram.length, now);
            expect(pieces).not.toBeNull();
            got[to].push(...(pieces ?? []));
          }
          post(tick, 'up', client.poll(now));
          post(tick, 'down', server.poll(now));
          if (client.settled && server.settled && flying.length === 0) break;
        }
        expect(Buffer.compare(Buffer.concat(got.up), bytesOf(up + 1, 1))).toBe(0);
        expect(Buffer.compare(Buffer.concat(got.down), bytesOf(down + 1, 2))).toBe(0);
      }),
      { numRuns: 100 },
    );
  });

  it('a server sends at most three times what came, until the address is proven', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 32, max: 1400 }), { maxLength: 20 }), (sizes) => {
        const { server } = newPair();
        server.write(bytesOf(20_000, 3));
        let received = 0;
        let sent = 0;
        let now = 0;
        for (const size of sizes) {
          now += 400_000;
          received += size;
          server.receive({ ...helloOf(20), destinationId: 0 }, size, now);
          for (const datagram of server.poll(now)) sent += datagram.length;
          expect(sent).toBeLessThanOrEqual(3 * received);
        }
        server.receive({ ...helloOf(20), destinationId: 8 }, 100, now);
        let after = 0;
        for (const datagram of server.poll(now + 1)) after += datagram.length;
        expect(after).toBeGreaterThan(3 * 100);
      }),
    );
  });

  it('client datagrams with content are padded', () => {
    const { client } = newPair();
    client.write(bytesOf(10, 1));
    expect(client.poll(0).map((datagram) => datagram.length)).toEqual([1200]);
  });

  it('bytes that are cut differently the second time are understood', () => {
    const { server } = newPair();
    expect(server.receive(helloOf(300), 1200, 0)).toHaveLength(1);
    const longer = { ...helloOf(0), bytes: bytesOf(900, 1) };
    const pieces = server.receive(longer, 1200, 10) ?? [];
    expect(Buffer.compare(Buffer.concat(pieces), bytesOf(900, 1).subarray(300))).toBe(0);
  });

  it('refuses more than its limit, and holds few pieces out of order', () => {
    const { server } = newPair();
    const beyond = { ...helloOf(100), offset: CRYPTO_BYTES_MAX - 50 };
    expect(server.receive(beyond, 1200, 0)).toBeNull();
    for (let offset = 1; offset < 2000; offset += 1) {
      expect(server.receive({ ...helloOf(100), offset }, 1200, 0)).toEqual([]);
    }
    const pieces = server.receive(helloOf(1), 1200, 0) ?? [];
    expect(Buffer.concat(pieces).length).toBeLessThan(5000);
  });

  it('ignores packets under another id than the first', () => {
    const { server } = newPair();
    server.receive(helloOf(10), 1200, 0);
    expect(server.receive({ ...helloOf(10), offset: 10, sourceId: 99 }, 1200, 0)).toEqual([]);
  });

  it('measures the round trip, and repeats after it once it is known', () => {
    const { client, server } = newPair();
    client.write(bytesOf(300, 1));
    const [hello] = client.poll(1000);
    server.receive(decode(hello as Uint8Array), 1200, 51_000);
    server.write(bytesOf(300, 2));
    const [answer] = server.poll(51_000);
    client.receive(decode(answer as Uint8Array), 400, 101_000);
    expect(client.rttUs).toBe(100_000);
    client.write(bytesOf(100, 3));
    client.poll(101_000);
    expect(client.deadline).toBe(101_000 + 25_000);
    expect(client.poll(126_000)).toHaveLength(1);
    expect(client.deadline).toBeLessThanOrEqual(101_000 + 300_000);
    expect(client.deadline).toBeGreaterThan(201_000);
  });

  it('sends what is not acknowledged soon a second time, once', () => {
    const { client, server } = newPair();
    client.write(bytesOf(300, 1));
    expect(client.poll(0)).toHaveLength(1);
    expect(client.poll(24_000)).toHaveLength(0);
    const [copy] = client.poll(25_000);
    expect(server.receive(decode(copy as Uint8Array), 1200, 60_000)).toEqual([bytesOf(300, 1)]);
    expect(client.poll(26_000)).toHaveLength(0);
    expect(client.deadline).toBe(300_000);
  });

  it('settle: ends repetition', () => {
    const { client } = newPair();
    client.write(bytesOf(300, 1));
    client.poll(0);
    client.settle();
    expect(client.settled).toBe(true);
    expect(client.deadline).toBe(Infinity);
    expect(client.poll(10_000_000)).toEqual([]);
  });

  it('a client that waits for the server shows itself again, with bytes to answer to', () => {
    const { client } = newPair();
    client.write(bytesOf(300, 1));
    client.poll(0);
    const answer = { ...helloOf(0), destinationId: 7, sourceId: 8, ackOffset: 300 };
    client.receive(answer, 32, 50_000);
    expect(client.poll(50_000)).toEqual([]);
    expect(client.settled).toBe(true);
    expect(client.deadline).toBeLessThan(1_000_000);
    expect(client.poll(client.deadline).map((datagram) => datagram.length)).toEqual([1200]);
  });

  it('restart: says everything again, with the cookie', () => {
    const { client } = newPair();
    client.write(bytesOf(300, 1));
    client.poll(0);
    client.restart(new Uint8Array([4, 5]));
    const [again] = client.poll(1000);
    const packet = decode(again as Uint8Array);
    expect([...packet.cookie]).toEqual([4, 5]);
    expect(packet.bytes).toHaveLength(300);
  });
});

/** A client's packet at offset 0 for the server of `newPair`. */
const helloOf = (length: number): ClearPacket =>
  decode(
    encodeClear(
      {
        destinationId: 0,
        kind: 1,
        sourceId: 7,
        ackOffset: 0,
        offset: 0,
        cookie: new Uint8Array(0),
        bytes: bytesOf(length, 1),
      },
      1,
    ),
  );
