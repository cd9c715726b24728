/**
 * Writes the test vectors of the data-plane protocol, `docs/protocol-vectors.json`, or checks that
 * they are what the code still produces.
 *
 * Usage: node scripts/dist/protocol-vectors.js [--check]
 *
 * Frames, messages and blocks come from the product's encoders. Keys and sealed packets are computed
 * here from the text of docs/PROTOCOL.md alone, so that the product's own tests can compare with a
 * second opinion. Refuses any other argument.
 */
import { createCipheriv, hkdfSync } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  EntryBlockWriter,
  encodeClear,
  encodeDiscover,
  encodeMessage,
  encodeRefusal,
  encodeRetry,
  FRAME,
  TrailerBlockWriter,
  writeAckHead,
  writeClose,
} from '@jetstream/transport';
import { repositoryRoot } from './server-process.js';

/** Where the vectors are kept. */
export const VECTORS_PATH = 'docs/protocol-vectors.json';

const CIPHERS = [
  { cipher: 0, alpn: 'jetstream/1-c0', keyBytes: 0 },
  { cipher: 1, alpn: 'jetstream/1-c1', keyBytes: 16 },
  { cipher: 2, alpn: 'jetstream/1-c2', keyBytes: 16 },
  { cipher: 3, alpn: 'jetstream/1-c3', keyBytes: 32 },
] as const;
const EPOCHS = 3;
const TAG_BYTES = 16;
const CONNECTION_ID = 0x0a0b_0c0d;
const EXPORTED = Uint8Array.from({ length: 64 }, (_, i) => i);

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);
const filled = (length: number, from: number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => from + i);

const derive = (secret: Uint8Array, label: string, bytes: number): Uint8Array =>
  bytes === 0
    ? new Uint8Array(0)
    : new Uint8Array(hkdfSync('sha256', secret, new Uint8Array(0), `jetstream 1 ${label}`, bytes));

/** Keys of one direction, epoch by epoch. */
const scheduleOf = (first: Uint8Array, keyBytes: number) => {
  const epochs: { secret: Uint8Array; key: Uint8Array; iv: Uint8Array }[] = [];
  let secret = first;
  for (let epoch = 0; epoch < EPOCHS; epoch += 1) {
    epochs.push({ secret, key: derive(secret, 'key', keyBytes), iv: derive(secret, 'iv', 12) });
    secret = derive(secret, 'next', 32);
  }
  return epochs;
};

const keySchedules = () =>
  CIPHERS.map(({ cipher, alpn, keyBytes }) => {
    const direction = (start: number) =>
      scheduleOf(EXPORTED.subarray(start, start + 32), keyBytes).map((epoch) => ({
        secret: hex(epoch.secret),
        key: hex(epoch.key),
        iv: hex(epoch.iv),
      }));
    return { cipher, alpn, client: direction(0), server: direction(32) };
  });

interface Packet {
  readonly type: number;
  readonly flags?: number;
  readonly channel?: number;
  readonly index?: number;
  readonly position: bigint;
  readonly payload: Uint8Array;
}

const plainOf = (packet: Packet, number: bigint): Buffer => {
  const plain = Buffer.alloc(32 + packet.payload.length);
  plain[0] = 0x11;
  plain.writeUInt32BE(CONNECTION_ID, 4);
  plain.writeBigUInt64BE(number, 8);
  plain[16] = packet.type;
  plain[17] = packet.flags ?? 0;
  plain.writeUInt16BE(packet.payload.length, 18);
  plain.writeUInt16BE(packet.channel ?? 0, 20);
  plain.writeUInt16BE(packet.index ?? 0, 22);
  plain.writeBigUInt64BE(packet.position, 24);
  plain.set(packet.payload, 32);
  return plain;
};

const nonceOf = (iv: Uint8Array, number: bigint): Buffer => {
  const nonce = Buffer.from(iv);
  nonce.writeBigUInt64BE(nonce.readBigUInt64BE(4) ^ number, 4);
  return nonce;
};

/** A packet from the client in epoch 0, sealed with a cipher. */
const seal = (packet: Packet, number: bigint, cipher: (typeof CIPHERS)[number]): Buffer => {
  const plain = plainOf(packet, number);
  if (cipher.cipher === 0) return Buffer.concat([plain, Buffer.alloc(TAG_BYTES)]);
  const [first] = scheduleOf(EXPORTED.subarray(0, 32), cipher.keyBytes);
  const { key, iv } = first as NonNullable<typeof first>;
  const name = cipher.keyBytes === 32 ? 'aes-256-gcm' : 'aes-128-gcm';
  const sealing = createCipheriv(name, key, nonceOf(iv, number), { authTagLength: TAG_BYTES });
  const readable = cipher.cipher === 1 ? plain : plain.subarray(0, 16);
  sealing.setAAD(readable);
  const hidden = sealing.update(plain.subarray(readable.length));
  sealing.final();
  return Buffer.concat([readable, hidden, sealing.getAuthTag()]);
};

const ackPayload = (): Uint8Array => {
  const bytes = new Uint8Array(64);
  const end = writeAckHead(bytes, 0, {
    delayUs: 1500,
    trainRate: 62_500,
    rateLimit: 0,
    streamLimit: 4_194_304,
    credits: [{ channel: 1, chunkLimit: 480 }],
  });
  bytes.set([0xff, 0xfd, 0x01], end);
  return bytes.slice(0, end + 3);
};

const closePayload = (): Uint8Array => {
  const bytes = new Uint8Array(64);
  return bytes.slice(0, writeClose(bytes, 0, { code: 0, reason: 'idle' }));
};

const FRAMES: Readonly<Record<string, Packet>> = {
  data: {
    type: FRAME.data,
    flags: 3,
    channel: 1,
    index: 2,
    position: (7n << 32n) | 2368n,
    payload: filled(24, 100),
  },
  stream: { type: FRAME.stream, position: 4096n, payload: ascii('bytes of the stream') },
  ack: { type: FRAME.ack, position: 1042n, payload: ackPayload() },
  state: { type: FRAME.state, position: 1000n, payload: filled(4, 0) },
  probe: { type: FRAME.probe, position: 0n, payload: new Uint8Array(40) },
  close: { type: FRAME.close, position: 0n, payload: closePayload() },
  ping: { type: FRAME.ping, position: 0n, payload: new Uint8Array(0) },
  challenge: { type: FRAME.challenge, position: 0n, payload: filled(8, 0xc0) },
  response: { type: FRAME.response, position: 0n, payload: filled(8, 0xc0) },
};

const sealedPackets = () => {
  const [aes] = CIPHERS.filter(({ cipher }) => cipher === 2);
  const frames = Object.entries(FRAMES).map(([frame, packet], i) => {
    const number = BigInt(1000 + i);
    const sealed = seal(packet, number, aes as (typeof CIPHERS)[number]);
    const plain = hex(plainOf(packet, number).subarray(16));
    return { frame, cipher: 2, packetNumber: Number(number), plain, sealed: hex(sealed) };
  });
  const others = CIPHERS.filter(({ cipher }) => cipher !== 2).map((cipher) => {
    const packet = FRAMES.stream as Packet;
    const plain = hex(plainOf(packet, 1000n).subarray(16));
    const sealed = hex(seal(packet, 1000n, cipher));
    return { frame: 'stream', cipher: cipher.cipher, packetNumber: 1000, plain, sealed };
  });
  return [...frames, ...others];
};

const clearPackets = () => ({
  firstOfClient: hex(
    encodeClear(
      {
        destinationId: 0,
        kind: 1,
        sourceId: 0x1122_3344,
        ackOffset: 0,
        offset: 0,
        cookie: new Uint8Array(0),
        bytes: ascii('TLS client hello'),
      },
      1,
      1200,
    ),
  ),
  answerOfServer: hex(
    encodeClear(
      {
        destinationId: 0x1122_3344,
        kind: 1,
        sourceId: 0x5566_7788,
        ackOffset: 16,
        offset: 0,
        cookie: new Uint8Array(0),
        bytes: ascii('TLS server flight'),
      },
      1,
    ),
  ),
  retry: hex(encodeRetry(0x1122_3344, filled(16, 0xa0))),
  refuse: hex(encodeRefusal({ to: 0x1122_3344, from: 0x5566_7788 }, 'not accepted')),
  discover: hex(encodeDiscover(filled(16, 0xd0))),
});

const blocks = () => {
  const entries = new EntryBlockWriter(5);
  const entry = { size: 300, mode: 0o644, mtimeus: 1_700_000_000_000_000 } as const;
  entries.add({ ...entry, kind: 0, path: ascii('a/b.txt') });
  entries.add({ kind: 1, path: ascii('empty'), size: 0, mode: 0o755, mtimeus: -1 });
  const trailers = new TrailerBlockWriter(5);
  trailers.add({ status: 'good', digest: filled(32, 0) });
  trailers.add({ status: 'none' });
  trailers.add({ status: 'bad', code: 'read_failed' });
  return { entries: hex(entries.finish()), trailers: hex(trailers.finish()) };
};

/** The text of the vectors file. */
export const protocolVectors = (): string => {
  const hello = ascii('{"serverId":"a","serverUid":"b"}');
  const vectors = {
    about: 'Test vectors of the data-plane protocol, version 1; docs/PROTOCOL.md, "Test vectors"',
    exported: hex(EXPORTED),
    connectionId: CONNECTION_ID,
    clearPackets: clearPackets(),
    keySchedules: keySchedules(),
    sealedPackets: sealedPackets(),
    messages: { hello: hex(encodeMessage({ type: 1, channel: 0, body: hello })) },
    blocks: blocks(),
  };
  return `${JSON.stringify(vectors, null, 2)}\n`;
};

function main(args: readonly string[]): number {
  const [flag, ...rest] = args;
  if (rest.length > 0 || (flag !== undefined && flag !== '--check')) {
    process.stderr.write(`Cannot make vectors: arguments "${args.join(' ')}", expected --check\n`);
    return 2;
  }
  const path = join(repositoryRoot(), VECTORS_PATH);
  const text = protocolVectors();
  if (flag === undefined) {
    writeFileSync(path, text);
    return 0;
  }
  if (readFileSync(path, 'utf8') === text) return 0;
  process.stderr.write(`${VECTORS_PATH} is stale: node scripts/dist/protocol-vectors.js\n`);
  return 1;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  process.exitCode = main(process.argv.slice(2));
}
