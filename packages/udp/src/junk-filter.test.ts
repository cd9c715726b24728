/** What the kernel drops for a socket with an `idPrefix`: junk, and nothing that the protocol sends. */
import {
  CLEAR_KIND,
  encodeClear,
  encodeDiscover,
  encodeRefusal,
  encodeRetry,
  type PacketIO,
} from '@jetstream/transport';
import { afterEach, describe, expect, it } from 'vitest';
import { loadNativeAddon } from './native-addon.js';
import { openPacketIO } from './open-packet-io.js';
import { RawSocket, receiveNow, until } from './packet-io-pair.conformance.js';

const { reason } = loadNativeAddon();
const SEALED_MIN = 48;
const ID_PREFIX = 0xa5;
const MARK = encodeDiscover(new Uint8Array(16).fill(77));
const opened: { close(): Promise<void> }[] = [];

afterEach(async () => {
  await Promise.all(opened.splice(0).map((one) => one.close()));
});

const openPair = async (filtered: boolean) => {
  const arena = new Uint8Array(65_536);
  const prefix = filtered ? { idPrefix: ID_PREFIX } : {};
  const io = await openPacketIO({ address: '127.0.0.1', port: 0, arena, ...prefix });
  const raw = await RawSocket.open();
  opened.push(io, raw);
  return { io, raw };
};

/** Sends datagrams and a last one that always comes in; returns how many came and how many were read. */
const read = async ({ io, raw }: { io: PacketIO; raw: RawSocket }, all: readonly Uint8Array[]) => {
  const before = io.stats();
  for (const datagram of [...all, MARK]) await raw.send(io.localAddress, datagram);
  let marked = false;
  await until(() => {
    for (const { payload } of receiveNow(io)) marked ||= Buffer.from(payload).equals(MARK);
    return marked;
  });
  const after = io.stats();
  const came = after.packetsReceived - before.packetsReceived - 1;
  return came + after.packetsRefused - before.packetsRefused;
};

const filled = (bytes: number, head: string): Uint8Array => {
  const out = new Uint8Array(bytes).fill(0xa5);
  out.set(Buffer.from(head, 'hex').subarray(0, bytes));
  return out;
};

const crypto = (destinationId: number, padTo: number): Uint8Array =>
  encodeClear(
    {
      destinationId,
      kind: CLEAR_KIND.crypto,
      sourceId: 5,
      ackOffset: 0,
      offset: 0,
      cookie: new Uint8Array(64),
      bytes: new Uint8Array(9),
    },
    1,
    padTo,
  );

const JUNK: Readonly<Record<string, Uint8Array>> = {
  'one byte': filled(1, '10'),
  'another first byte': filled(300, '20'),
  'random bytes': filled(200, ''),
  'a sealed packet that is too short': filled(SEALED_MIN - 1, '11000000'),
  'a sealed packet with a reserved byte': filled(SEALED_MIN, '11000100'),
  'a sealed packet for an id that begins otherwise': filled(300, '11000000a4'),
  'a clear packet that is too short': filled(31, '10'),
  'a clear packet of kind 0': filled(300, `10${'00'.repeat(40)}`),
  'a clear packet of kind 5': filled(300, `10${'00'.repeat(15)}05${'00'.repeat(30)}`),
  'a cookie that is too long': filled(300, `10${'00'.repeat(15)}02${'00'.repeat(12)}41`),
  'the start of a handshake without padding': crypto(0, 1199),
};

const TRUE_ONES: Readonly<Record<string, Uint8Array>> = {
  'the shortest sealed packet': filled(SEALED_MIN, '11000000'),
  'a sealed packet of 1,472 bytes': filled(1472, '11000000'),
  'a large sealed packet': filled(32_000, '11000000'),
  'the start of a handshake': crypto(0, 1200),
  'the rest of a handshake': crypto(7, 0),
  'a retry': encodeRetry(7, new Uint8Array(64)),
  'a retry without a cookie': encodeRetry(7, new Uint8Array(0)),
  'a refusal': encodeRefusal({ to: 0, from: 0 }, 'no'),
  'a discovery packet': encodeDiscover(new Uint8Array(16)),
  'more than one packet may be': filled(1501, '20'),
};

describe.skipIf(reason !== null)('a socket with a prefix of ids', () => {
  it.each(Object.entries(JUNK))('never reads %s', async (_name, datagram) => {
    expect(await read(await openPair(true), [datagram, datagram])).toBe(0);
    expect(await read(await openPair(false), [datagram])).toBe(1);
  });

  it.each(Object.entries(TRUE_ONES))('reads %s', async (_name, datagram) => {
    expect(await read(await openPair(true), [datagram, datagram])).toBe(2);
  });

  it('opens no connection whose packets it would drop', async () => {
    const { io } = await openPair(true);
    const peer = { address: '127.0.0.1', port: 9 };
    expect(() => io.openConnection(0xa4_00_00_01, 1, peer)).toThrow('expected 165');
    expect(io.openConnection(0xa5_00_00_01, 1, peer)).toBe(0);
  });
});
