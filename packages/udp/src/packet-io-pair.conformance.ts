/** Two PacketIOs on loopback with a connection between them, and packets as plain objects. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import {
  BATCH_PACKETS_MAX,
  CIPHER,
  type Cipher,
  DESCRIPTOR_WORDS,
  type PacketIO,
  type PeerAddress,
  type SendBatch,
} from '@jetstream/transport';
import { openPacketIO } from './open-packet-io.js';

export type Kind = 'native' | 'dgram';
const ARENA_BYTES = 4 * 1024 * 1024;
const DEADLINE_MS = 15_000;

/** One packet in plain terms. */
export interface TestPacket {
  readonly number: bigint;
  readonly type: number;
  readonly flags: number;
  readonly channel: number;
  readonly index: number;
  readonly position: bigint;
  readonly payload: Uint8Array;
}

/** One end of a pair; `handle` is its connection to the other end. */
export interface End {
  readonly io: PacketIO;
  readonly arena: Uint8Array;
  handle: number;
}

export interface PairOptions {
  readonly kinds: readonly [Kind, Kind];
  readonly cipher?: Cipher;
  readonly keyEpochShift?: number;
  readonly address?: string;
}

export const LEFT_ID = 0x11111111;
export const RIGHT_ID = 0xfedcba98;

export function cipherKey(cipher: Cipher, seed = 1): Uint8Array {
  const bytes = { [CIPHER.none]: 0, [CIPHER.authenticated]: 16, [CIPHER.aes128gcm]: 16 };
  const length = cipher === CIPHER.aes256gcm ? 32 : bytes[cipher];
  return Uint8Array.from({ length }, (_, i) => (seed * 37 + i * 11) & 0xff);
}

export const TEST_IV = Uint8Array.from({ length: 12 }, (_, i) => 0x50 + i);

/** Opens two ends with a connection each way and keys for epoch 0. */
export async function openPair(options: PairOptions): Promise<[End, End]> {
  const { cipher = CIPHER.aes128gcm } = options;
  const left = await openEnd(options, 0);
  const right = await openEnd(options, 1);
  left.handle = left.io.openConnection(LEFT_ID, RIGHT_ID, right.io.localAddress);
  right.handle = right.io.openConnection(RIGHT_ID, LEFT_ID, left.io.localAddress);
  for (const end of [left, right]) installBoth(end, { epoch: 0, cipher });
  return [left, right];
}

async function openEnd(options: PairOptions, side: 0 | 1): Promise<End> {
  const { address = '127.0.0.1', kinds, keyEpochShift = 24 } = options;
  // One kind of arena each, since both are promised to work.
  const memory = side === 0 ? new SharedArrayBuffer(ARENA_BYTES) : new ArrayBuffer(ARENA_BYTES);
  const arena = new Uint8Array(memory);
  const prefer = kinds[side];
  const io = await openPacketIO({ address, port: 0, arena, keyEpochShift, prefer });
  if (io.kind !== prefer) throw new Error(`wanted ${prefer}, got "${io.description}"`);
  return { io, arena, handle: -1 };
}

/** Installs the same key for sending and receiving. */
export function installBoth(
  end: End,
  key: { readonly epoch: number; readonly cipher: Cipher; readonly seed?: number },
): void {
  const { epoch, cipher } = key;
  const bytes = cipherKey(cipher, key.seed ?? 1);
  for (const direction of ['send', 'receive'] as const) {
    end.io.installKeys(end.handle, { direction, epoch, cipher, key: bytes, iv: TEST_IV });
  }
}

export async function closeAll(...ends: readonly End[]): Promise<void> {
  for (const end of ends) await end.io.close();
}

export function packet(number: number | bigint, payload: Uint8Array, type = 1): TestPacket {
  return { number: BigInt(number), type, flags: 0, channel: 0, index: 0, position: 0n, payload };
}

/** Writes packets into the arena and a batch. */
export function fillBatch(
  end: End,
  packets: readonly TestPacket[],
  handles: readonly number[] = [],
): SendBatch {
  const words = new Uint32Array(BATCH_PACKETS_MAX * DESCRIPTOR_WORDS);
  let offset = 0;
  for (const [i, { payload, ...rest }] of packets.entries()) {
    end.arena.set(payload, offset);
    const kind = rest.type | (rest.flags << 8) | (payload.length << 16);
    const place = rest.channel | (rest.index << 16);
    const number = [Number(rest.number & 0xffffffffn), Number(rest.number >> 32n)];
    const position = [Number(rest.position & 0xffffffffn), Number(rest.position >> 32n)];
    const connection = handles[i] ?? end.handle;
    words.set([connection, ...number, kind, place, ...position, offset, 0], i * DESCRIPTOR_WORDS);
    offset += payload.length;
  }
  return { count: packets.length, words };
}

/** Sends all packets, again and again where the socket is full. */
export async function sendAll(
  end: End,
  packets: readonly TestPacket[],
  handles: readonly number[] = [],
): Promise<void> {
  let left = [...packets];
  let leftHandles = [...handles];
  await until(() => {
    const sent = end.io.sealAndSend(fillBatch(end, left, leftHandles));
    left = left.slice(sent);
    leftHandles = leftHandles.slice(sent);
    return left.length === 0;
  });
}

/** A packet as it came in; all but `number` and `payload` are zero for a clear one. */
export interface ReceivedPacket extends TestPacket {
  readonly connection: number;
  readonly peer: number;
  readonly from: PeerAddress;
}

/** Receives once and copies what is there. */
export function receiveNow(io: PacketIO, waitUs = 0): ReceivedPacket[] {
  const count = io.receiveAndOpen(waitUs);
  const { words, bytes } = io.received;
  return Array.from({ length: count }, (_, i) => {
    const word = (index: number) => words[i * DESCRIPTOR_WORDS + index] ?? Number.NaN;
    const long = (index: number) => (BigInt(word(index + 1)) << 32n) | BigInt(word(index));
    return {
      connection: word(0),
      number: long(1),
      type: word(3) & 0xff,
      flags: (word(3) >>> 8) & 0xff,
      payload: bytes.slice(word(7), word(7) + (word(3) >>> 16)),
      channel: word(4) & 0xffff,
      index: word(4) >>> 16,
      position: long(5),
      peer: word(8),
      from: io.peerAddress(word(8)),
    };
  });
}

/** Receives until `count` packets are there. */
export async function receiveAll(io: PacketIO, count: number): Promise<ReceivedPacket[]> {
  const all: ReceivedPacket[] = [];
  await until(() => {
    all.push(...receiveNow(io));
    return all.length >= count;
  });
  return all;
}

/** A packet without what only a received one has; its payload is text, which compares fast. */
export function comparable(sent: TestPacket): object {
  const { number, type, flags, channel, index, position } = sent;
  const payload = Buffer.from(sent.payload).toString('base64');
  return { number, type, flags, channel, index, position, payload };
}

/** Waits for a condition, with a deadline. */
export async function until(holds: () => boolean): Promise<void> {
  const deadline = Date.now() + DEADLINE_MS;
  while (!holds()) {
    if (Date.now() > deadline) throw new Error('the condition did not come true in time');
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Receives until so many packets were refused; returns what was delivered meanwhile. */
export async function receiveUntilRefused(io: PacketIO, count: number): Promise<ReceivedPacket[]> {
  const delivered: ReceivedPacket[] = [];
  await until(() => {
    delivered.push(...receiveNow(io));
    return io.stats().packetsRefused >= count;
  });
  return delivered;
}

/** A plain socket, to look at the wire and to put anything on it. */
export class RawSocket {
  readonly address: PeerAddress;
  readonly datagrams: Buffer[] = [];
  readonly #socket: Socket;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.address = { address: socket.address().address, port: socket.address().port };
    socket.on('message', (bytes) => this.datagrams.push(bytes));
  }

  static async open(address = '127.0.0.1'): Promise<RawSocket> {
    const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
    socket.bind({ address, port: 0, exclusive: true });
    await once(socket, 'listening');
    return new RawSocket(socket);
  }

  async send(to: PeerAddress, datagram: Uint8Array): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#socket.send(datagram, to.port, to.address, (error) => {
        if (error) reject(error);
        else resolve();
      });
    });
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => this.#socket.close(() => resolve()));
  }
}
