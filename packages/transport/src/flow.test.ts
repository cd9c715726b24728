/** A flow against a peer that holds the keys and keeps no rule. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ChunkInbox, INBOX_CHUNK_BYTES } from './chunk-inbox.js';
import { ENDPOINT_SCRATCH_BYTES } from './endpoint.js';
import { FLOW_CODE_REFUSED, Flow } from './flow.js';
import { FLOW_SILENCE_MAX_US } from './flow-times.js';
import { encodeMessage, MESSAGE } from './messages.js';
import { BATCH_PACKETS_MAX, DESCRIPTOR_WORDS } from './packet-io.js';
import {
  CONTROL_BYTES_MAX,
  FRAME,
  newReceivedFrame,
  newSendBatch,
  PAYLOAD_BYTES_START,
  readFrame,
} from './wire.js';

const SLOTS_AT = ENDPOINT_SCRATCH_BYTES;
const SLOT = INBOX_CHUNK_BYTES + 64;
const SLOTS = 4;

interface End {
  readonly by: string;
  readonly code: number;
  readonly reason: string;
}

const newFlow = () => {
  const arena = new Uint8Array(SLOTS_AT + SLOTS * SLOT);
  const free = Array.from({ length: SLOTS }, (_, i) => SLOTS_AT + i * SLOT);
  const inbox: ChunkInbox = new ChunkInbox({
    acquire: () => free.pop() ?? -1,
    release: (offset) => free.push(offset),
    chunkReceived: (channel, chunk, { offset }) =>
      inbox.settle(channel, chunk, { offset, written: true }),
  });
  inbox.arena = arena;
  const ends: End[] = [];
  const messages: number[] = [];
  const acked: number[] = [];
  const flow = new Flow({
    connection: 0,
    arena,
    scratchOffset: 0,
    paddingOffset: BATCH_PACKETS_MAX * CONTROL_BYTES_MAX,
    inbox,
    events: {
      message: (message) => messages.push(message.type),
      chunkAcked: (_channel, chunk) => acked.push(chunk),
      credit: () => undefined,
      credits: () => [{ channel: 1, chunkLimit: inbox.grant(1, 2) }],
      closed: (end) => ends.push(end),
    },
    rttUs: 20_000,
    rateMax: Infinity,
    rateHint: 0,
    payloadBytesMax: 31_952,
    now: 0,
  });
  const batch = newSendBatch();
  /** Runs the flow once and returns the types of the frames that it sent. */
  const step = (now: number): number[] => {
    batch.count = 0;
    flow.tick(now);
    flow.fill(batch, BATCH_PACKETS_MAX, now);
    expect(batch.count).toBeLessThanOrEqual(BATCH_PACKETS_MAX);
    const frame = newReceivedFrame();
    const types: number[] = [];
    for (let i = 0; i < batch.count; i += 1) {
      readFrame({ ...batch, bytes: arena }, i, frame);
      expect(frame.offset + frame.length).toBeLessThanOrEqual(arena.length);
      types.push(frame.type);
    }
    return types;
  };
  return { arena, flow, inbox, ends, messages, acked, step };
};

const wordCount = BATCH_PACKETS_MAX * DESCRIPTOR_WORDS;

const hostileFrame = fc.record({
  type: fc.oneof({ weight: 20, arbitrary: fc.constantFrom(...Object.values(FRAME)) }, fc.nat(255)),
  flags: fc.nat(255),
  length: fc.oneof(fc.nat(60), fc.nat(2000)),
  channel: fc.oneof(fc.nat(2), fc.nat(0xffff)),
  index: fc.oneof(fc.nat(3), fc.nat(0xffff)),
  positionHigh: fc.oneof(
    { weight: 5, arbitrary: fc.nat(2) },
    fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  ),
  positionLow: fc.oneof(fc.nat(40), fc.integer({ min: 0, max: 2 ** 32 - 1 })),
  offset: fc.nat(1000),
  ahead: fc.oneof({ weight: 9, arbitrary: fc.nat(3) }, fc.nat(2 ** 40)),
});

describe('Flow', () => {
  it('whatever the peer sends, it neither throws nor writes where it must not', () => {
    const bytes = fc.uint8Array({ minLength: 3100, maxLength: 3100 });
    fc.assert(
      fc.property(fc.array(hostileFrame, { maxLength: 60 }), bytes, (frames, content) => {
        const { arena, flow, inbox, ends, step } = newFlow();
        inbox.openChannel(1, 3 * INBOX_CHUNK_BYTES, []);
        flow.send(encodeMessage({ type: MESSAGE.hello, channel: 0, body: new Uint8Array(3000) }));
        flow.outbox.add({ channel: 1, chunk: 0, offset: SLOTS_AT, wireBytes: 5000 });
        let now = 0;
        let packetNumber = 0;
        for (const { ahead, ...fields } of frames) {
          now += 3000;
          packetNumber += ahead;
          flow.receive({ ...newReceivedFrame(), ...fields, packetNumber }, content, now);
          step(now);
          if (ends.length === 0) expect(flow.deadline(now)).toBeGreaterThan(0);
        }
        expect(ends.length).toBeLessThanOrEqual(1);
        const padding = arena.subarray(BATCH_PACKETS_MAX * CONTROL_BYTES_MAX, SLOTS_AT);
        expect(padding.every((byte) => byte === 0)).toBe(true);
        for (const end of ends) expect(['us', 'peer']).toContain(end.by);
      }),
      { numRuns: 300 },
    );
  });

  it('a packet counts once, however often it comes', () => {
    const { flow, messages } = newFlow();
    const message = encodeMessage({ type: MESSAGE.offer, channel: 1, body: new Uint8Array(3) });
    const frame = { ...newReceivedFrame(), type: FRAME.stream, length: message.length };
    for (let i = 0; i < 3; i += 1) flow.receive({ ...frame, packetNumber: 5 }, message, 10);
    flow.receive({ ...frame, packetNumber: 6 }, message, 10);
    expect(messages).toEqual([MESSAGE.offer]);
    expect(flow.totals.packetsReceived).toBe(2);
  });

  it('an ack for what was never sent ends the flow', () => {
    const { flow, ends, step } = newFlow();
    const bytes = new Uint8Array(64).fill(0xff);
    bytes[20] = 0;
    flow.receive(
      { ...newReceivedFrame(), type: FRAME.ack, length: 40, positionLow: 999 },
      bytes,
      1,
    );
    expect(step(2)).toContain(FRAME.close);
    expect(ends).toMatchObject([{ by: 'us', code: 1 }]);
  });

  it('an unknown frame type ends the flow', () => {
    const { flow, ends, step } = newFlow();
    flow.receive({ ...newReceivedFrame(), type: 99 }, new Uint8Array(10), 1);
    step(2);
    expect(ends).toMatchObject([{ by: 'us', code: 1 }]);
    expect(step(3)).toEqual([]);
    expect(flow.deadline(3)).toBe(Infinity);
  });

  it('a peer that closes is believed, and its reason is text', () => {
    const { flow, ends } = newFlow();
    const bytes = new Uint8Array([0, 9, 0x62, 0x79, 0x65]);
    flow.receive({ ...newReceivedFrame(), type: FRAME.close, length: 5 }, bytes, 1);
    expect(ends).toEqual([{ by: 'peer', code: 9, reason: 'bye' }]);
  });

  it('silence: ends after 30 s, or after 10 s when nothing ever came', () => {
    const never = newFlow();
    never.step(9_999_999);
    expect(never.ends).toEqual([]);
    never.step(10_000_000);
    expect(never.ends).toMatchObject([{ by: 'timeout' }]);
    const once = newFlow();
    once.flow.receive({ ...newReceivedFrame(), type: FRAME.ping }, new Uint8Array(1), 1000);
    once.step(FLOW_SILENCE_MAX_US + 999);
    expect(once.ends).toEqual([]);
    once.step(FLOW_SILENCE_MAX_US + 1000);
    expect(once.ends).toMatchObject([{ by: 'timeout' }]);
  });

  it('refuse: ends a flow that has not heard of its peer, and no other', () => {
    const fresh = newFlow();
    fresh.flow.refuse('no');
    expect(fresh.ends).toEqual([{ by: 'peer', code: FLOW_CODE_REFUSED, reason: 'no' }]);
    const known = newFlow();
    known.flow.receive({ ...newReceivedFrame(), type: FRAME.ping }, new Uint8Array(1), 1);
    known.flow.refuse('no');
    expect(known.ends).toEqual([]);
  });

  it('an idle flow says that it lives, and is not woken for anything else', () => {
    const { flow, step } = newFlow();
    flow.receive({ ...newReceivedFrame(), type: FRAME.ping }, new Uint8Array(1), 1);
    let now = 1;
    let steps = 0;
    const types: number[] = [];
    while (now < 20_000_000) {
      const at = flow.deadline(now);
      expect(at).toBeGreaterThan(now);
      now = at;
      types.push(...step(now));
      flow.receive(
        { ...newReceivedFrame(), type: FRAME.state, packetNumber: now },
        new Uint8Array(9),
        now,
      );
      steps += 1;
    }
    expect(types).toContain(FRAME.ping);
    expect(steps).toBeLessThan(100);
  });

  it('a batch that is full takes nothing more', () => {
    const { flow } = newFlow();
    const batch = newSendBatch();
    expect(batch.words).toHaveLength(wordCount);
    batch.count = BATCH_PACKETS_MAX;
    flow.send(encodeMessage({ type: MESSAGE.hello, channel: 0, body: new Uint8Array(3000) }));
    flow.fill(batch, 64, 10);
    expect(batch.count).toBe(BATCH_PACKETS_MAX);
  });
});

describe('Flow: sizes of packets', () => {
  it('uses no size that the path has not proven, and small ones at a low ceiling', () => {
    const { flow, step } = newFlow();
    step(0);
    expect(flow.payloadBytes).toBe(PAYLOAD_BYTES_START);
    flow.rate.setCeiling(0.1);
    step(1000);
    expect(flow.payloadBytes).toBe(PAYLOAD_BYTES_START);
  });
});
