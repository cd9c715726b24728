import { Duplex } from 'node:stream';
import {
  CIPHER,
  CLEAR_HANDLE,
  newFrame,
  newReceivedFrame,
  newSendBatch,
  type PeerAddress,
  pushFrame,
  readFrame,
} from '@jetstream/transport';
import { describe, expect, it } from 'vitest';
import {
  CARRIER_UNSENT_BYTES_MAX,
  STREAM_UNREAD_BYTES_MAX,
  STREAM_UNSENT_BYTES_MAX,
  StreamCarrier,
} from './stream-carrier.js';
import { StreamPacketIO } from './stream-packet-io.js';

const ARENA_BYTES = 1 << 20;
const REMOTE = { address: '192.0.2.7', port: 40_000 };
const KEY = new Uint8Array(16).fill(7);
const IV = new Uint8Array(12).fill(9);

/** Two streams, each of which reads what the other writes. */
function duplexPair(): [Duplex, Duplex] {
  const ends: Duplex[] = [];
  const end = (other: () => Duplex | undefined): Duplex =>
    new Duplex({
      read() {},
      write(bytes: Buffer, _encoding, done) {
        other()?.push(Buffer.from(bytes));
        done();
      },
      final(done) {
        other()?.push(null);
        done();
      },
    });
  ends.push(
    end(() => ends[1]),
    end(() => ends[0]),
  );
  return ends as [Duplex, Duplex];
}

/** A stream that never takes what is written. */
const stuckStream = (): Duplex => new Duplex({ read() {}, write() {} });

interface End {
  readonly io: StreamPacketIO;
  readonly arena: Uint8Array;
  readonly carrier: StreamCarrier;
  readonly peer: PeerAddress;
  readonly lost: string[];
}

function openEnd(streams: readonly Duplex[]): End {
  const arena = new Uint8Array(ARENA_BYTES);
  const lost: string[] = [];
  const io = new StreamPacketIO({ arena, lost: (_peer, reason) => lost.push(reason) });
  const carrier = new StreamCarrier(REMOTE);
  for (const stream of streams) carrier.join(stream);
  return { io, arena, carrier, peer: io.add(carrier), lost };
}

function openPair(count: number): { left: End; right: End; streams: [Duplex, Duplex][] } {
  const streams = Array.from({ length: count }, duplexPair);
  const left = openEnd(streams.map(([near]) => near));
  return { left, right: openEnd(streams.map(([, far]) => far)), streams };
}

function connect({ left, right }: { left: End; right: End }): [number, number] {
  const handles = [
    left.io.openConnection(11, 22, left.peer),
    right.io.openConnection(22, 11, right.peer),
  ] as const;
  const keys = { epoch: 0, cipher: CIPHER.aes128gcm, key: KEY, iv: IV };
  for (const [{ io }, handle] of [
    [left, handles[0]],
    [right, handles[1]],
  ] as const) {
    io.installKeys(handle, { direction: 'send', ...keys });
    io.installKeys(handle, { direction: 'receive', ...keys });
  }
  return [...handles];
}

/** Sends packets of these payload lengths; each payload is filled with its number. */
function sendPackets({ io, arena }: End, connection: number, lengths: readonly number[]): void {
  const batch = newSendBatch();
  let offset = 0;
  for (const [packetNumber, length] of lengths.entries()) {
    arena.fill(packetNumber + 1, offset, offset + length);
    const frame = { ...newFrame(), type: 1, length, offset, channel: 3, positionLow: packetNumber };
    pushFrame(batch, { connection, packetNumber }, frame);
    offset += length;
  }
  expect(io.sealAndSend(batch)).toBe(lengths.length);
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('StreamPacketIO', () => {
  it('carries packets of every size over several streams', async () => {
    const pair = openPair(3);
    const [connection, handle] = connect(pair);
    const lengths = [0, 1, 1184, 31_952, 65_000, 17];
    sendPackets(pair.left, connection, lengths);
    await settle();
    const { io } = pair.right;
    expect(io.receiveAndOpen(0)).toBe(lengths.length);
    const frame = newReceivedFrame();
    const seen = new Map<number, number>();
    for (let i = 0; i < lengths.length; i += 1) {
      readFrame(io.received, i, frame);
      expect([frame.connection, frame.type, frame.channel]).toEqual([handle, 1, 3]);
      expect(io.peerAddress(frame.peer)).toEqual(pair.right.peer);
      const payload = io.received.bytes.subarray(frame.offset, frame.offset + frame.length);
      expect(payload.every((byte) => byte === frame.packetNumber + 1)).toBe(true);
      seen.set(frame.packetNumber, frame.length);
    }
    expect([...seen].sort(([a], [b]) => a - b).map(([, length]) => length)).toEqual(lengths);
    expect(io.remoteOf(pair.right.peer)).toEqual(REMOTE);
  });

  it('carries clear packets, and drops what does not open', async () => {
    const { left, right, streams } = openPair(1);
    const clear = new Uint8Array(40).fill(0x10, 0, 1);
    left.io.sendClear(left.peer, clear);
    const junk = new Uint8Array(60).fill(0x11);
    streams[0]?.[0].write(Buffer.concat([Buffer.from([0, junk.length]), junk]));
    await settle();
    expect(right.io.receiveAndOpen(0)).toBe(1);
    const frame = newReceivedFrame();
    readFrame(right.io.received, 0, frame);
    expect([frame.connection, frame.length]).toEqual([CLEAR_HANDLE, 40]);
    expect(right.io.stats().packetsRefused).toBe(1);
    expect(right.lost).toEqual([]);
  });

  it('gives up a carrier whose streams do not carry packets, and tells', async () => {
    const { right, streams } = openPair(2);
    streams[0]?.[0].write(Buffer.from([0, 0]));
    await settle();
    expect(right.lost).toEqual(['the peer sent no packets']);
    expect(streams[1]?.[1].destroyed).toBe(true);
    expect(right.io.carrierCount).toBe(0);
    expect(right.io.roomFor(right.peer)).toBe(0);
  });

  it('gives up a carrier when one of its streams breaks', async () => {
    const pair = openPair(2);
    const [connection] = connect(pair);
    pair.streams[1]?.[0].destroy(new Error('cut'));
    await settle();
    expect(pair.left.lost).toEqual(['a stream broke: cut']);
    // What is sent from then on is lost, not an error.
    sendPackets(pair.left, connection, [100]);
  });

  it('closes a carrier with its last connection', async () => {
    const pair = openPair(1);
    const [connection] = connect(pair);
    expect(pair.left.io.isUsed(pair.left.peer)).toBe(true);
    pair.left.io.closeConnection(connection);
    await settle();
    await settle();
    expect(pair.left.lost).toEqual(['closed here']);
    expect(pair.right.lost).toEqual(['the peer closed a stream']);
  });

  it('calls the watcher for packets, and once only', async () => {
    const pair = openPair(1);
    const [connection] = connect(pair);
    let calls = 0;
    pair.right.io.watch(() => {
      calls += 1;
    });
    sendPackets(pair.left, connection, [10, 10]);
    await settle();
    await settle();
    expect(calls).toBe(1);
    // Packets still wait, so the next watcher is called at once.
    pair.right.io.watch(() => {
      calls += 1;
    });
    await settle();
    expect(calls).toBe(2);
  });
});

describe('StreamCarrier', () => {
  it('has room for so much and no more, and picks the emptiest stream', () => {
    const streams = [stuckStream(), stuckStream()];
    const { carrier } = openEnd(streams);
    expect(carrier.room).toBe(2 * STREAM_UNSENT_BYTES_MAX);
    const frame = StreamCarrier.frame(60_000).frame;
    for (let sent = 0; carrier.room > 0; sent += 1) {
      expect(sent).toBeLessThan(20);
      carrier.send(frame);
    }
    const [first, second] = streams.map((stream) => stream.writableLength);
    expect(Math.abs((first ?? 0) - (second ?? 0))).toBeLessThanOrEqual(frame.length);
  });

  it('uses streams in turn that have equally little to send', () => {
    const [first, second] = [duplexPair(), duplexPair()];
    const { carrier } = openEnd([first[0], second[0]]);
    const heard = [first[1], second[1]].map((stream) => {
      const lengths: number[] = [];
      stream.on('data', (bytes: Buffer) => lengths.push(bytes.length));
      return lengths;
    });
    for (const length of [10, 20, 30, 40]) carrier.sendPacket(new Uint8Array(length));
    return settle().then(() => {
      expect(heard).toEqual([
        [12, 32],
        [22, 42],
      ]);
    });
  });

  it('leaves a peer that reads nothing', () => {
    const { carrier, lost } = openEnd([stuckStream()]);
    const frame = StreamCarrier.frame(60_000).frame;
    const limit = Math.ceil(CARRIER_UNSENT_BYTES_MAX / frame.length) + 2;
    for (let i = 0; i < limit; i += 1) carrier.send(frame);
    expect(lost).toEqual(['the peer does not read']);
  });

  it('does not read on while packets wait to be taken', () => {
    const [near, far] = duplexPair();
    const { carrier } = openEnd([far]);
    const tiny = Buffer.from([0, 1, 0]);
    const pieces = Math.ceil(STREAM_UNREAD_BYTES_MAX / 100);
    near.write(Buffer.concat(Array.from({ length: pieces }, () => tiny)));
    return settle().then(() => {
      expect(far.isPaused()).toBe(true);
      while (carrier.take() !== null);
      expect(far.isPaused()).toBe(false);
    });
  });
});
