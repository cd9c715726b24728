/** What every PacketIO does: traffic. packet-io-border.conformance.ts has what it refuses. */
import {
  BATCH_PACKETS_MAX,
  CIPHER,
  type Cipher,
  CLEAR_HANDLE,
  PACKET_OVERHEAD_BYTES,
  PAYLOAD_BYTES_MAX,
} from '@jetstream/transport';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import {
  closeAll,
  comparable,
  type End,
  installBoth,
  type Kind,
  openPair,
  type PairOptions,
  packet,
  RawSocket,
  receiveAll,
  receiveNow,
  receiveUntilRefused,
  sendAll,
  type TestPacket,
  until,
} from './packet-io-pair.conformance.js';
import {
  VECTOR_CONNECTION_ID,
  VECTOR_IV,
  VECTOR_KEY,
  VECTOR_PACKET,
  VECTOR_SEALED,
} from './wire-vector.conformance.js';

const CIPHERS = Object.entries(CIPHER) as [string, Cipher][];
const EDGE_SIZES = [0, 1, 15, 16, 17, 1252, 1300, 8952, 32_000, 64_999, PAYLOAD_BYTES_MAX];

const u16 = fc.integer({ min: 0, max: 0xffff });
const u8 = fc.integer({ min: 0, max: 0xff });
const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });

function bytes(length: number, seed: number): Buffer {
  return Buffer.from(Uint8Array.from({ length }, (_, i) => (i * 31 + seed * 7 + (i >> 8)) & 0xff));
}

/** Runs the traffic suite between two implementations. */
export function describeTraffic(kinds: readonly [Kind, Kind]): void {
  describe(`PacketIO traffic, ${kinds.join(' to ')}`, () => {
    const ends: End[] = [];
    const raws: RawSocket[] = [];
    const pair = async (options: Omit<PairOptions, 'kinds'> = {}) => {
      const made = await openPair({ kinds, ...options });
      ends.push(...made);
      return made;
    };
    const rawSocket = async (address?: string) => {
      const raw = await RawSocket.open(address);
      raws.push(raw);
      return raw;
    };
    afterEach(async () => {
      await closeAll(...ends.splice(0));
      for (const raw of raws.splice(0)) await raw.close();
    });

    it.each(CIPHERS)('sealAndSend: %s carries every size', async (_name, cipher) => {
      const [left, right] = await pair({ cipher });
      for (const [i, size] of EDGE_SIZES.entries()) {
        const sent = packet(i, bytes(size, i));
        await sendAll(left, [sent]);
        const [received] = await receiveAll(right.io, 1);
        expect(received?.connection).toBe(right.handle);
        expect(received && comparable(received)).toEqual(comparable(sent));
      }
    });

    it('sealAndSend: every field of a descriptor arrives', async () => {
      // Epochs reach 2^40 here, so one key per packet.
      const [left, right] = await pair({ keyEpochShift: 24 });
      const fields = fc.record({
        number: u64.map((number) => number & 0x1fffffffffffffn),
        type: u8,
        flags: u8,
        channel: u16,
        index: u16,
        position: u64,
        payload: fc.uint8Array({ maxLength: 300 }).map((payload) => Buffer.from(payload)),
      });
      await fc.assert(
        fc.asyncProperty(fields, async (sent) => {
          const epoch = Number(sent.number >> 24n);
          for (const end of [left, right]) installBoth(end, { epoch, cipher: CIPHER.aes128gcm });
          await sendAll(left, [sent]);
          const [received] = await receiveAll(right.io, 1);
          expect(received && comparable(received)).toEqual(comparable(sent));
        }),
        { numRuns: 60 },
      );
    });

    it.each(CIPHERS)('wire format: %s, sent byte for byte', async (_name, cipher) => {
      const [left] = await pair({ keyEpochShift: 26 });
      const raw = await rawSocket();
      const handle = left.io.openConnection(5, VECTOR_CONNECTION_ID, raw.address);
      const key = VECTOR_KEY.subarray(0, [0, 16, 16, 32][cipher]);
      const epoch = Number(VECTOR_PACKET.number >> 26n);
      left.io.installKeys(handle, { direction: 'send', epoch, cipher, key, iv: VECTOR_IV });
      await sendAll(left, [VECTOR_PACKET], [handle]);
      await until(() => raw.datagrams.length > 0);
      expect(raw.datagrams[0]?.toString('hex')).toBe(VECTOR_SEALED[cipher]);
    });

    it.each(CIPHERS)('wire format: %s, opened byte for byte', async (_name, cipher) => {
      const [, right] = await pair({ keyEpochShift: 26 });
      const raw = await rawSocket();
      const handle = right.io.openConnection(VECTOR_CONNECTION_ID, 5, raw.address);
      const key = VECTOR_KEY.subarray(0, [0, 16, 16, 32][cipher]);
      const epoch = Number(VECTOR_PACKET.number >> 26n);
      right.io.installKeys(handle, { direction: 'receive', epoch, cipher, key, iv: VECTOR_IV });
      await raw.send(right.io.localAddress, Buffer.from(VECTOR_SEALED[cipher], 'hex'));
      const [received] = await receiveAll(right.io, 1);
      expect(received?.connection).toBe(handle);
      expect(received?.from).toEqual(raw.address);
      expect(received && comparable(received)).toEqual(comparable(VECTOR_PACKET));
    });

    it('sealAndSend: a full batch arrives in order', async () => {
      const [left, right] = await pair();
      const sent = Array.from({ length: BATCH_PACKETS_MAX }, (_, i) => packet(i, bytes(1300, i)));
      await sendAll(left, sent);
      const received = await receiveAll(right.io, sent.length);
      expect(received.map(comparable)).toEqual(sent.map(comparable));
    });

    it('sealAndSend: connections and sizes mix in one batch', async () => {
      const [left, right] = await pair();
      const handles = [left.handle];
      const rightHandles = [right.handle];
      for (let id = 1; id < 4; id++) {
        handles.push(left.io.openConnection(id, id, right.io.localAddress));
        rightHandles.push(right.io.openConnection(id, id, left.io.localAddress));
        const cipher = CIPHERS[id]?.[1] ?? CIPHER.none;
        for (const end of [left, right]) {
          const handle = (end === left ? handles : rightHandles)[id] ?? -1;
          installBoth({ ...end, handle }, { epoch: 0, cipher, seed: id });
        }
      }
      const plan = fc.array(fc.tuple(fc.nat(3), fc.constantFrom(0, 40, 41, 1300, 5000)), {
        minLength: 1,
        maxLength: 60,
      });
      let number = 0;
      await fc.assert(
        fc.asyncProperty(plan, async (choices) => {
          const sent = choices.map(([, size]) => packet(number, bytes(size, number++)));
          const by = choices.map(([which]) => handles[which] ?? -1);
          await sendAll(left, sent, by);
          const received = await receiveAll(right.io, sent.length);
          expect(received.map(comparable)).toEqual(sent.map(comparable));
          const wanted = choices.map(([which]) => rightHandles[which]);
          expect(received.map(({ connection }) => connection)).toEqual(wanted);
        }),
        { numRuns: 25 },
      );
    });

    it('installKeys: epochs follow each other and old ones end', async () => {
      const [left, right] = await pair({ keyEpochShift: 8 });
      const cipher = CIPHER.aes128gcm;
      for (let epoch = 0; epoch < 7; epoch++) {
        for (const end of [left, right]) installBoth(end, { epoch, cipher, seed: epoch + 1 });
        const numbers = [epoch * 256, epoch * 256 + 255];
        const sent = numbers.map((number) => packet(number, bytes(100, number)));
        await sendAll(left, sent);
        expect((await receiveAll(right.io, 2)).map(comparable)).toEqual(sent.map(comparable));
      }
      // The sender still has epoch 3; it left the receiver when epoch 7 came.
      installBoth(right, { epoch: 7, cipher, seed: 8 });
      await sendAll(left, [packet(3 * 256, bytes(10, 1)), packet(4 * 256 + 7, bytes(10, 2))]);
      const delivered = await receiveUntilRefused(right.io, 1);
      const rest = delivered.length > 0 ? delivered : await receiveAll(right.io, 1);
      expect(rest.map(({ number }) => number)).toEqual([4n * 256n + 7n]);
    });

    it('sendClear: datagrams of every size go both ways as they are', async () => {
      const [left, right] = await pair();
      for (const size of [1, 15, 16, 1200, 65_507]) {
        const datagram = bytes(size, size);
        datagram[0] = 0x10;
        left.io.sendClear(right.io.localAddress, datagram);
        const [received] = await receiveAll(right.io, 1);
        expect(received?.connection).toBe(CLEAR_HANDLE);
        expect(received && Buffer.from(received.payload).equals(datagram)).toBe(true);
        expect(received?.number).toBe(size < 16 ? 0n : datagram.readBigUInt64BE(8));
        expect(received?.from).toEqual(left.io.localAddress);
        right.io.sendClear(received?.from ?? { address: '', port: 0 }, datagram);
        const [answer] = await receiveAll(left.io, 1);
        expect(answer && Buffer.from(answer.payload).equals(datagram)).toBe(true);
      }
    });

    it('setPeer: later packets go to the new address', async () => {
      const [left] = await pair();
      const raw = await rawSocket();
      left.io.setPeer(left.handle, raw.address);
      await sendAll(left, [packet(1, bytes(100, 1))]);
      await until(() => raw.datagrams.length === 1);
      expect(raw.datagrams[0]?.length).toBe(100 + PACKET_OVERHEAD_BYTES);
    });

    it('peerAddress: names hundreds of senders', async () => {
      const [, right] = await pair();
      for (let i = 0; i < 300; i++) {
        const raw = await rawSocket();
        await raw.send(right.io.localAddress, Buffer.from([0x10, raw.address.port & 0xff, 0, 0]));
      }
      const received = await receiveAll(right.io, 300);
      const ports = received.map(({ from }) => from.port);
      expect(ports).toEqual(raws.map(({ address }) => address.port));
      for (const { from, payload } of received) expect(payload[1]).toBe(from.port & 0xff);
      // The first ones again, whose places others have taken.
      const again = raws.slice(0, 20);
      for (const raw of again) await raw.send(right.io.localAddress, Buffer.from([0x10]));
      const second = await receiveAll(right.io, again.length);
      expect(second.map(({ from }) => from.port)).toEqual(again.map((raw) => raw.address.port));
    });

    it.each([['127.0.0.1'], ['::1']])('address %s: traffic both ways', async (address) => {
      const [left, right] = await pair({ address });
      expect(left.io.localAddress.address).toBe(address);
      for (const [from, to] of [
        [left, right],
        [right, left],
      ] as const) {
        const sent: TestPacket[] = [packet(9, bytes(500, 3))];
        await sendAll(from, sent);
        const received = await receiveAll(to.io, 1);
        expect(received.map(comparable)).toEqual(sent.map(comparable));
        expect(received[0]?.from).toEqual(from.io.localAddress);
      }
    });

    it("address '::': an IPv4 sender is named as IPv4 and can be answered", async () => {
      const [left] = await pair({ address: '::' });
      const raw = await rawSocket('127.0.0.1');
      const port = left.io.localAddress.port;
      await raw.send({ address: '127.0.0.1', port }, Buffer.from([0x10, 1]));
      const [received] = await receiveAll(left.io, 1);
      expect(received?.from).toEqual(raw.address);
      left.io.setPeer(left.handle, raw.address);
      await sendAll(left, [packet(1, bytes(10, 1)), packet(2, bytes(10, 2))]);
      await until(() => raw.datagrams.length === 2);
    });

    it('stats: count what went and came', async () => {
      const [left, right] = await pair();
      await sendAll(left, [packet(1, bytes(100, 1)), packet(2, bytes(100, 1))]);
      left.io.sendClear(right.io.localAddress, Buffer.from([0x10]));
      left.io.sendClear(right.io.localAddress, Buffer.from([0x77]));
      await receiveAll(right.io, 3);
      await receiveUntilRefused(right.io, 1);
      const bytesSent = 2 * (100 + PACKET_OVERHEAD_BYTES) + 2;
      expect(left.io.stats()).toMatchObject({ packetsSent: 4, bytesSent, sendBlocked: 0 });
      expect(left.io.stats().sendCalls).toBeGreaterThan(0);
      expect(right.io.stats()).toMatchObject({
        packetsReceived: 3,
        bytesReceived: bytesSent - 1,
        packetsRefused: 1,
        packetsOverflowed: 0,
      });
      expect(right.io.stats().receiveCalls).toBeGreaterThan(0);
    });

    it('receiveAndOpen: with nothing there, waits as long as told if it can', async () => {
      const [left, right] = await pair();
      const started = performance.now();
      expect(receiveNow(right.io, 100_000)).toEqual([]);
      const waitedMs = performance.now() - started;
      if (right.io.canBlock) expect(waitedMs).toBeGreaterThanOrEqual(99);
      else expect(waitedMs).toBeLessThan(90);
      await sendAll(left, [packet(1, bytes(10, 1))]);
      if (!right.io.canBlock) return;
      const again = performance.now();
      expect(receiveNow(right.io, 100_000)).toHaveLength(1);
      expect(performance.now() - again).toBeLessThan(90);
    });
  });
}
