/**
 * Datagrams into a real socket of each kind: only what was sealed with the right key, unchanged and
 * for this connection, comes out, whatever else comes in between.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { Prng } from '@jetstream/testkit';
import {
  BATCH_PACKETS_MAX,
  CIPHER,
  type ConnectionKeys,
  DESCRIPTOR_WORDS,
  newReceivedFrame,
  type PacketIO,
  readFrame,
} from '@jetstream/transport';
import { describe, expect, it } from 'vitest';
import { EpochKey } from '../../packages/udp/src/dgram-aead.js';
import { openPacketIO } from '../../packages/udp/src/open-packet-io.js';
import { fuzzRuns, fuzzSeed } from './fuzz-run.js';

const LOCAL_ID = 0x0102_0304;
const PAYLOAD = 200;
const WAIT_MS = 30_000;

const keysOf = (fill: number): ConnectionKeys => ({
  direction: 'receive',
  epoch: 0,
  cipher: CIPHER.aes128gcm,
  key: new Uint8Array(16).fill(fill),
  iv: new Uint8Array(12).fill(fill),
});

const sealed = (number: number, key: EpochKey): Buffer => {
  const packet = Buffer.alloc(16 + 16 + PAYLOAD + 16);
  packet[0] = 0x11;
  packet.writeUInt32BE(LOCAL_ID, 4);
  packet.writeUInt32BE(number, 12);
  packet[16] = 7;
  packet.writeUInt16BE(PAYLOAD, 18);
  packet.fill(number & 0xff, 32, 32 + PAYLOAD);
  key.seal(packet, 0, number);
  return packet;
};

const mutate = (random: Prng, packet: Buffer, other: Buffer): Buffer => {
  const copy = Buffer.from(packet);
  const at = random.below(copy.length);
  const way = random.below(5);
  if (way === 0) copy[at] = (copy[at] as number) ^ (1 << random.below(8));
  else if (way === 1) return copy.subarray(0, at + 1 === copy.length ? at : at + 1);
  else if (way === 2) return Buffer.concat([copy, other.subarray(0, 1 + at)]);
  else if (way === 3) {
    const joined = Buffer.concat([copy.subarray(0, at), other.subarray(at)]);
    // A splice of nothing, or of all, is a true packet.
    return joined.equals(other) || joined.equals(copy) ? Buffer.from([0x11]) : joined;
  } else copy.writeUInt32BE(random.next(), 4 * random.below(4));
  return copy.equals(packet) ? Buffer.from([0x11]) : copy;
};

/** Receives until a clear packet with this mark comes, which is sent last. */
async function receiveUntil(io: PacketIO, mark: number): Promise<number[]> {
  const numbers: number[] = [];
  const frame = newReceivedFrame();
  const deadline = performance.now() + WAIT_MS;
  while (performance.now() < deadline) {
    const count = io.receiveAndOpen(1000);
    expect(count).toBeLessThanOrEqual(BATCH_PACKETS_MAX);
    expect(io.received.words.length).toBe(BATCH_PACKETS_MAX * DESCRIPTOR_WORDS);
    for (let i = 0; i < count; i += 1) {
      readFrame(io.received, i, frame);
      const { connection, length, offset, packetNumber } = frame;
      const content = io.received.bytes.subarray(offset, offset + length);
      if (connection === 0xffff_ffff) {
        if (length === 20 && content[19] === mark) return numbers;
        continue;
      }
      expect(length).toBe(PAYLOAD);
      expect(content.every((byte) => byte === (packetNumber & 0xff))).toBe(true);
      numbers.push(packetNumber);
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  throw new Error('The last packet did not come');
}

for (const prefer of ['native', 'dgram'] as const) {
  describe(`sealed packets, ${prefer}`, () => {
    it.each(Array.from({ length: fuzzRuns(4) }, (_, i) => fuzzSeed * 1000 + i))(
      'seed %i: what is changed does not open',
      async (seed) => {
        const random = new Prng(seed);
        const arena = new Uint8Array(65_536);
        const io = await openPacketIO({ address: '127.0.0.1', port: 0, arena, prefer });
        const from = createSocket('udp4');
        try {
          const { port } = io.localAddress;
          const handle = io.openConnection(LOCAL_ID, 9, { address: '127.0.0.1', port: 9 });
          io.installKeys(handle, keysOf(1));
          const [right, wrong] = [new EpochKey(keysOf(1)), new EpochKey(keysOf(2))];
          const expected: number[] = [];
          const send = async (packet: Buffer): Promise<void> => {
            if (packet.length === 0) return;
            await new Promise((resolve) => from.send(packet, port, '127.0.0.1', resolve));
          };
          for (let i = 1; i <= 60; i += 1) {
            const packet = sealed(i, right);
            await send(mutate(random, packet, sealed(random.below(60), right)));
            await send(sealed(random.below(100), wrong));
            await send(Buffer.from(random.bytes(1 + random.below(300))));
            await send(packet);
            expected.push(i);
          }
          const last = Buffer.alloc(20);
          last[0] = 0x10;
          last[19] = seed & 0xff;
          await send(last);
          expect(await receiveUntil(io, seed & 0xff)).toEqual(expected);
        } finally {
          from.close();
          await once(from, 'close').catch(() => undefined);
          await io.close();
        }
      },
    );
  });
}
