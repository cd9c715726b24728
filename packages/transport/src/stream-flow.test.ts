/** Two flows over streams that lose nothing, and a receiver that does not take every packet. */
import { describe, expect, it } from 'vitest';
import type { Credit } from './ack-frame.js';
import { ChunkInbox, INBOX_CHUNK_BYTES } from './chunk-inbox.js';
import { ENDPOINT_SCRATCH_BYTES } from './endpoint.js';
import { Flow } from './flow.js';
import { encodeMessage, MESSAGE } from './messages.js';
import { BATCH_PACKETS_MAX } from './packet-io.js';
import {
  CONTROL_BYTES_MAX,
  FRAME,
  newReceivedFrame,
  newSendBatch,
  type ReceivedFrame,
  readFrame,
} from './wire.js';

const SLOT = INBOX_CHUNK_BYTES + 64;
const CHUNKS = 6;
const STEP_US = 2000;

class Side {
  readonly arena = new Uint8Array(ENDPOINT_SCRATCH_BYTES + CHUNKS * SLOT);
  readonly acked: number[] = [];
  readonly received: number[] = [];
  readonly messages: number[] = [];
  readonly ends: string[] = [];
  readonly types: number[] = [];
  readonly inbox: ChunkInbox;
  readonly flow: Flow;
  room = Number.POSITIVE_INFINITY;

  constructor(now: number, credits: () => Credit[]) {
    const free = Array.from({ length: CHUNKS }, (_, i) => ENDPOINT_SCRATCH_BYTES + i * SLOT);
    this.inbox = new ChunkInbox({
      acquire: () => free.pop() ?? -1,
      release: (offset) => free.push(offset),
      chunkReceived: (_channel, chunk) => this.received.push(chunk),
    });
    this.inbox.arena = this.arena;
    this.flow = new Flow({
      connection: 0,
      arena: this.arena,
      scratchOffset: 0,
      paddingOffset: BATCH_PACKETS_MAX * CONTROL_BYTES_MAX,
      inbox: this.inbox,
      events: {
        message: ({ type }) => this.messages.push(type),
        chunkAcked: (_channel, chunk) => this.acked.push(chunk),
        credit: () => undefined,
        credits,
        closed: ({ reason }) => this.ends.push(reason),
      },
      rttUs: 20_000,
      rateMax: Number.POSITIVE_INFINITY,
      rateHint: 0,
      payloadBytesMax: 31_952,
      streamRoom: () => this.room,
      now,
    });
  }

  /** Runs once, and hands every packet over that `takes` does not hold back. */
  step(now: number, to: Side, takes: (frame: ReceivedFrame) => boolean): void {
    const batch = newSendBatch();
    this.flow.tick(now);
    this.flow.fill(batch, BATCH_PACKETS_MAX, now);
    for (let i = 0; i < batch.count; i += 1) {
      const frame = newReceivedFrame();
      readFrame({ ...batch, bytes: this.arena }, i, frame);
      this.types.push(frame.type);
      if (takes(frame)) to.flow.receive(frame, this.arena, now);
    }
  }
}

const openPair = () => {
  const sender = new Side(0, () => []);
  const receiver: Side = new Side(0, () => [
    { channel: 1, chunkLimit: receiver.inbox.grant(1, CHUNKS) },
  ]);
  receiver.inbox.openChannel(1, CHUNKS * INBOX_CHUNK_BYTES, []);
  receiver.inbox.grant(1, CHUNKS);
  for (let chunk = 0; chunk < CHUNKS; chunk += 1) {
    const offset = ENDPOINT_SCRATCH_BYTES + chunk * SLOT;
    sender.flow.outbox.add({ channel: 1, chunk, offset, wireBytes: INBOX_CHUNK_BYTES + 32 });
  }
  const run = (untilUs: number, takes: (frame: ReceivedFrame) => boolean): void => {
    for (let now = STEP_US; now <= untilUs; now += STEP_US) {
      sender.step(now, receiver, takes);
      receiver.step(now, sender, () => true);
    }
  };
  return { sender, receiver, run };
};

const all = Array.from({ length: CHUNKS }, (_, chunk) => chunk);

describe('a flow over streams', () => {
  it('sends each packet once, in large ones, without probing', () => {
    const { sender, receiver, run } = openPair();
    run(8_500_000, () => true);
    expect(receiver.received.sort()).toEqual(all);
    expect(sender.acked.sort()).toEqual(all);
    expect(sender.flow.outbox.packetsSentAgain).toBe(0);
    expect(sender.flow.payloadBytes).toBe(31_952);
    expect(sender.types).not.toContain(FRAME.probe);
    expect([sender.ends, receiver.ends]).toEqual([[], []]);
  });

  it('sends again what the receiver had no memory for, in the middle and at the end', () => {
    for (const victim of [4, CHUNKS * 9 - 1]) {
      const { sender, receiver, run } = openPair();
      let seen = 0;
      run(12_000_000, (frame) => {
        const isData = frame.type === FRAME.data;
        seen += isData ? 1 : 0;
        return !(isData && seen - 1 === victim);
      });
      expect(receiver.received.sort()).toEqual(all);
      expect(sender.acked.sort()).toEqual(all);
      expect(sender.flow.bytesInFlight).toBe(0);
    }
  });

  it('repeats a message that was not taken', () => {
    const { sender, receiver, run } = openPair();
    sender.flow.send(encodeMessage({ type: MESSAGE.hello, channel: 0, body: new Uint8Array(9) }));
    let dropped = 0;
    run(12_000_000, (frame) => {
      if (frame.type !== FRAME.stream || dropped > 0) return true;
      dropped += 1;
      return false;
    });
    expect([dropped, receiver.messages]).toEqual([1, [MESSAGE.hello]]);
  });

  it('holds still while its streams are full, and repeats nothing for it', () => {
    const { sender, receiver, run } = openPair();
    sender.room = 0;
    run(8_000_000, () => true);
    expect(receiver.received).toEqual([]);
    expect(sender.flow.outbox.packetsSent).toBe(0);
  });
});
