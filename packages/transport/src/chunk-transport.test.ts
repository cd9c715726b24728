/** Outbox and inbox joined by a path that loses, repeats and reorders. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CHUNK_PACKETS_MAX, ChunkInbox, INBOX_CHUNK_BYTES } from './chunk-inbox.js';
import { ChunkOutbox, SPARES_MAX } from './chunk-outbox.js';
import { diceOf } from './dice.conformance.js';
import type { PacketContent } from './packet-ledger.js';
import { type FrameFields, newFrame, newReceivedFrame, type ReceivedFrame } from './wire.js';

const DIGEST = 32;
const SLOT = INBOX_CHUNK_BYTES + DIGEST;

/** A receiving side whose disk answers at once, or when told. */
const newReceiver = (slots: number, onChunk?: (chunk: number, offset: number) => boolean) => {
  const arena = new Uint8Array(slots * SLOT + 64).fill(0xee);
  const free = Array.from({ length: slots }, (_, i) => i * SLOT);
  const whole: { channel: number; chunk: number; content: Uint8Array }[] = [];
  const inbox: ChunkInbox = new ChunkInbox({
    acquire: () => free.pop() ?? -1,
    release: (offset) => {
      expect(free).not.toContain(offset);
      free.push(offset);
    },
    chunkReceived: (channel, chunk, { offset, contentBytes }) => {
      const content = arena.slice(offset, offset + contentBytes + DIGEST);
      const written = onChunk?.(chunk, offset) ?? true;
      if (written) whole.push({ channel, chunk, content });
      inbox.settle(channel, chunk, { offset, written });
    },
  });
  inbox.arena = arena;
  return { arena, free, inbox, whole };
};

const contentOf = (chunk: number, length: number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => (i * 31 + chunk * 7 + (i >> 8)) & 0xff);

const dataFrame = (fields: Partial<ReceivedFrame>): ReceivedFrame => ({
  ...newReceivedFrame(),
  channel: 1,
  ...fields,
});

describe('ChunkOutbox and ChunkInbox', () => {
  it('every chunk arrives whole and once, whatever the path does', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 3 }),
        fc.integer({ min: 1, max: 5000 }),
        fc.integer({ min: 900, max: 9000 }),
        fc.integer(),
        fc.nat(300),
        (chunks, lastBytes, payloadBytes, seed, recutAt) => {
          const total = (chunks - 1) * INBOX_CHUNK_BYTES + lastBytes;
          const source = new Uint8Array(chunks * SLOT);
          const outAcked: number[] = [];
          const outbox = new ChunkOutbox(payloadBytes, {
            chunkAcked: (_channel, chunk) => outAcked.push(chunk),
          });
          const { inbox, whole, free } = newReceiver(chunks);
          inbox.openChannel(1, total, []);
          expect(inbox.grant(1, 10)).toBe(chunks);
          for (let chunk = 0; chunk < chunks; chunk += 1) {
            const length = Math.min(INBOX_CHUNK_BYTES, total - chunk * INBOX_CHUNK_BYTES) + DIGEST;
            source.set(contentOf(chunk, length), chunk * SLOT);
            outbox.add({ channel: 1, chunk, offset: chunk * SLOT, wireBytes: length });
          }
          drive({ outbox, inbox, source, seed, recutAt });
          expect(outAcked.sort()).toEqual(Array.from({ length: chunks }, (_, i) => i));
          expect(whole.map((item) => item.chunk).sort()).toEqual(outAcked);
          for (const { chunk, content } of whole) {
            expect(Buffer.compare(content, contentOf(chunk, content.length))).toBe(0);
          }
          expect(inbox.isComplete(1)).toBe(true);
          expect(free).toHaveLength(chunks);
          expect(outbox.size).toBe(0);
        },
      ),
      { numRuns: 30 },
    );
  });
});

/** Sends until nothing is left: a packet is lost, delivered now, later, or twice. */
const drive = (world: {
  outbox: ChunkOutbox;
  inbox: ChunkInbox;
  source: Uint8Array;
  seed: number;
  recutAt: number;
}): void => {
  const { outbox, inbox, source } = world;
  const dice = diceOf(world.seed);
  const frame: FrameFields = newFrame();
  const content: PacketContent = { kind: 0, ref: 0, serial: 0, index: 0 };
  const flying: { at: number; frame: ReceivedFrame; content: PacketContent }[] = [];
  for (let tick = 0; tick < 20_000; tick += 1) {
    if (tick === world.recutAt) {
      outbox.setPayloadBytes(1184);
      outbox.repacketize();
    }
    if (outbox.next(frame, content)) {
      const late = dice(12);
      if (dice(5) === 0) {
        outbox.lost({ ...content });
      } else {
        const packet = { frame: dataFrame(frame), content: { ...content } };
        flying.push({ at: tick + late, ...packet });
        if (dice(4) === 0) flying.push({ at: tick + late + 3, ...packet });
      }
    } else if (flying.length === 0) {
      return;
    }
    for (let i = flying.length - 1; i >= 0; i -= 1) {
      const packet = flying[i] as (typeof flying)[number];
      if (packet.at > tick) continue;
      flying.splice(i, 1);
      if (inbox.receive(packet.frame, source)) outbox.acked(packet.content);
      else outbox.lost(packet.content);
    }
  }
  throw new Error('the chunks never arrive');
};

const sendNextTarget = (): PacketContent => ({ kind: 0, ref: 0, serial: 0, index: 0 });

describe('ChunkOutbox', () => {
  it('lost packets go before fresh ones, and only while they are lost', () => {
    const outbox = new ChunkOutbox(1000, { chunkAcked: () => undefined });
    outbox.add({ channel: 1, chunk: 0, offset: 0, wireBytes: 5000 });
    const frame = newFrame();
    const contents: PacketContent[] = [];
    for (let i = 0; i < 3; i += 1) {
      const content = { kind: 0, ref: 0, serial: 0, index: 0 };
      expect(outbox.next(frame, content)).toBe(true);
      contents.push(content);
    }
    outbox.lost(contents[1] as PacketContent);
    outbox.lost(contents[2] as PacketContent);
    outbox.acked(contents[1] as PacketContent);
    const content = { kind: 0, ref: 0, serial: 0, index: 0 };
    outbox.next(frame, content);
    expect(frame.index).toBe(2);
    outbox.next(frame, content);
    expect(frame.index).toBe(3);
    expect(outbox.packetsSentAgain).toBe(1);
  });

  it('at the end each repetition leaves twice, the second time after all others', () => {
    const outbox = new ChunkOutbox(1000, { chunkAcked: () => undefined });
    outbox.add({ channel: 1, chunk: 0, offset: 0, wireBytes: 4000 });
    outbox.setDraining(true);
    const frame = newFrame();
    const sendNext = (): PacketContent => {
      const content = sendNextTarget();
      expect(outbox.next(frame, content)).toBe(true);
      return content;
    };
    const contents = [sendNext(), sendNext(), sendNext(), sendNext()];
    outbox.lost(contents[0] as PacketContent);
    outbox.lost(contents[2] as PacketContent);
    expect([sendNext().index, sendNext().index]).toEqual([0, 2]);
    outbox.acked(contents[0] as PacketContent);
    expect(sendNext().index).toBe(2);
    expect(outbox.next(frame, sendNextTarget())).toBe(false);
    expect(outbox.ready).toBe(false);
  });

  it('at the end of much, only so many repetitions leave twice', () => {
    const outbox = new ChunkOutbox(50, { chunkAcked: () => undefined });
    outbox.setDraining(true);
    for (const chunk of [0, 1]) {
      outbox.add({ channel: 1, chunk, offset: chunk * SLOT, wireBytes: 50 * SPARES_MAX });
    }
    const sendAll = (): PacketContent[] => {
      const sent: PacketContent[] = [];
      for (let content = sendNextTarget(); outbox.next(newFrame(), content); ) {
        sent.push(content);
        content = sendNextTarget();
      }
      return sent;
    };
    for (const content of sendAll()) outbox.lost(content);
    expect(sendAll()).toHaveLength(2 * SPARES_MAX + SPARES_MAX);
  });

  it('repeatTail: takes the newest packets first when there are many, and sends them in order', () => {
    const outbox = new ChunkOutbox(1000, { chunkAcked: () => undefined });
    for (const chunk of [0, 1]) {
      outbox.add({ channel: 1, chunk, offset: chunk * SLOT, wireBytes: 50_000 });
    }
    const frame = newFrame();
    const content = sendNextTarget();
    for (let i = 0; i < 100; i += 1) outbox.next(frame, content);
    expect(outbox.repeatTail()).toBe(64);
    const repeated: string[] = [];
    while (outbox.next(frame, content)) repeated.push(`${frame.positionHigh}/${frame.index}`);
    expect(repeated[0]).toBe('0/36');
    expect(repeated.at(-1)).toBe('1/49');
    expect(repeated).toHaveLength(64);
  });

  it('counts what it repeats of a small chunk as small', () => {
    const again: number[] = [];
    const outbox = new ChunkOutbox(32_000, {
      chunkAcked: (_channel, _chunk, _offset, { bytesAgain }) => again.push(bytesAgain),
    });
    outbox.add({ channel: 1, chunk: 0, offset: 0, wireBytes: 7 + DIGEST });
    const content = sendNextTarget();
    outbox.next(newFrame(), content);
    outbox.lost(content);
    outbox.next(newFrame(), content);
    outbox.acked(content);
    expect(again).toEqual([7 + DIGEST]);
  });

  it('repeatTail: queues what is in flight, once', () => {
    const outbox = new ChunkOutbox(1000, { chunkAcked: () => undefined });
    outbox.add({ channel: 1, chunk: 0, offset: 0, wireBytes: 3000 });
    const frame = newFrame();
    const content = { kind: 0, ref: 0, serial: 0, index: 0 };
    while (outbox.ready) outbox.next(frame, content);
    expect(outbox.repeatTail()).toBe(3);
    expect(outbox.repeatTail()).toBe(0);
    expect(outbox.ready).toBe(true);
  });

  it('dropChannel: returns the slots of one channel only', () => {
    const outbox = new ChunkOutbox(1000, { chunkAcked: () => undefined });
    outbox.add({ channel: 1, chunk: 0, offset: 100, wireBytes: 3000 });
    outbox.add({ channel: 2, chunk: 0, offset: 200, wireBytes: 3000 });
    outbox.add({ channel: 1, chunk: 1, offset: 300, wireBytes: 3000 });
    expect(outbox.dropChannel(1).sort()).toEqual([100, 300]);
    const frame = newFrame();
    const content = { kind: 0, ref: 0, serial: 0, index: 0 };
    while (outbox.next(frame, content)) expect(frame.channel).toBe(2);
    expect(outbox.size).toBe(1);
  });

  it('news about a slot that was given back says nothing about its successor', () => {
    const acked: number[] = [];
    const outbox = new ChunkOutbox(1000, { chunkAcked: (_c, chunk) => acked.push(chunk) });
    const frame = newFrame();
    const content = { kind: 0, ref: 0, serial: 0, index: 0 };
    outbox.add({ channel: 1, chunk: 0, offset: 0, wireBytes: 500 });
    outbox.next(frame, content);
    const old = { ...content };
    outbox.dropChannel(1);
    outbox.add({ channel: 1, chunk: 9, offset: 0, wireBytes: 500 });
    outbox.next(frame, content);
    outbox.acked(old);
    outbox.lost(old);
    expect(acked).toEqual([]);
    expect(outbox.ready).toBe(false);
    outbox.acked(content);
    expect(acked).toEqual([9]);
  });
});

describe('ChunkInbox', () => {
  const bytes = new Uint8Array(70_000).fill(0x55);

  it('refuses what was not granted and what does not fit, and writes nothing outside its slot', () => {
    const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
    const hostile = fc.record({
      channel: fc.integer({ min: 0, max: 3 }),
      positionHigh: fc.oneof(fc.nat(6), u32),
      positionLow: fc.oneof(fc.nat(INBOX_CHUNK_BYTES + 100), u32),
      length: fc.nat(65_535),
      index: fc.oneof(fc.nat(4), fc.nat(0xffff)),
      flags: fc.nat(255),
    });
    fc.assert(
      fc.property(fc.array(hostile, { maxLength: 60 }), (frames) => {
        const { arena, inbox, free } = newReceiver(2);
        inbox.openChannel(1, 3 * INBOX_CHUNK_BYTES + 10, []);
        inbox.openChannel(2, 5, []);
        inbox.grant(1, 2);
        inbox.grant(2, 1);
        for (const fields of frames) inbox.receive(dataFrame(fields), bytes);
        expect(arena.subarray(2 * SLOT).every((byte) => byte === 0xee)).toBe(true);
        inbox.closeChannel(1);
        inbox.closeChannel(2);
        expect(free).toHaveLength(2);
      }),
      { numRuns: 200 },
    );
  });

  it('refuses chunks beyond the credit, empty packets, and indexes that no chunk has', () => {
    const { inbox } = newReceiver(4);
    inbox.openChannel(1, 4 * INBOX_CHUNK_BYTES, []);
    expect(inbox.grant(1, 2)).toBe(2);
    expect(inbox.receive(dataFrame({ positionHigh: 2, length: 10 }), bytes)).toBe(false);
    expect(inbox.receive(dataFrame({ positionHigh: 1, length: 0 }), bytes)).toBe(false);
    expect(inbox.receive(dataFrame({ length: 10, index: CHUNK_PACKETS_MAX }), bytes)).toBe(false);
    const positionLow = INBOX_CHUNK_BYTES + DIGEST - 9;
    expect(inbox.receive(dataFrame({ positionLow, length: 10 }), bytes)).toBe(false);
    expect(inbox.receive(dataFrame({ positionLow: positionLow - 1, length: 10 }), bytes)).toBe(
      true,
    );
  });

  it('counts as not received what finds no slot', () => {
    const { inbox, free } = newReceiver(1);
    inbox.openChannel(1, 3 * INBOX_CHUNK_BYTES, []);
    inbox.grant(1, 3);
    expect(inbox.receive(dataFrame({ positionHigh: 0, length: 10 }), bytes)).toBe(true);
    expect(inbox.receive(dataFrame({ positionHigh: 1, length: 10 }), bytes)).toBe(false);
    inbox.closeChannel(1);
    expect(free).toHaveLength(1);
  });

  it('a newer generation starts the chunk anew; an older one is not taken', () => {
    const { inbox, whole } = newReceiver(1);
    inbox.openChannel(1, 968, []);
    inbox.grant(1, 1);
    const half = { positionHigh: 0, length: 500 };
    expect(inbox.receive(dataFrame({ ...half, index: 0, flags: 4 }), bytes)).toBe(true);
    expect(inbox.receive(dataFrame({ ...half, index: 0, flags: 5 }), bytes)).toBe(true);
    const second = { ...half, index: 1, positionLow: 500 };
    expect(inbox.receive(dataFrame({ ...second, flags: 4 }), bytes)).toBe(false);
    expect(whole).toHaveLength(0);
    expect(inbox.receive(dataFrame({ ...second, flags: 5 }), bytes)).toBe(true);
    expect(whole).toHaveLength(1);
  });

  it('a chunk found damaged is taken again, and a written one is not', () => {
    let damaged = true;
    const { inbox, whole, free } = newReceiver(1, () => {
      const written = !damaged;
      damaged = false;
      return written;
    });
    inbox.openChannel(1, 100, []);
    inbox.grant(1, 1);
    for (let flags = 0; flags < 3; flags += 1) {
      expect(inbox.receive(dataFrame({ length: 132, flags }), bytes)).toBe(true);
    }
    expect(whole).toHaveLength(1);
    expect(free).toHaveLength(1);
    expect(inbox.isComplete(1)).toBe(true);
  });

  it('grant: durable chunks cost no credit', () => {
    const { inbox } = newReceiver(4);
    inbox.openChannel(1, 100 * INBOX_CHUNK_BYTES, [
      { first: 0, end: 40 },
      { first: 41, end: 50 },
    ]);
    expect(inbox.grant(1, 2)).toBe(51);
    expect(inbox.receive(dataFrame({ positionHigh: 7, length: 10 }), bytes)).toBe(true);
    expect(inbox.grant(1, 2)).toBe(51);
  });

  it('a slot with the disk is released by settle, even after the channel has closed', () => {
    const pending: number[] = [];
    const { inbox, free } = newReceiver(1);
    const settleLater: ChunkInbox = new ChunkInbox({
      acquire: () => free.pop() ?? -1,
      release: (offset) => free.push(offset),
      chunkReceived: (_channel, _chunk, { offset }) => pending.push(offset),
    });
    settleLater.arena = inbox.arena;
    settleLater.openChannel(1, 100, []);
    settleLater.grant(1, 1);
    settleLater.receive(dataFrame({ length: 132 }), bytes);
    settleLater.closeChannel(1);
    expect(free).toHaveLength(0);
    settleLater.settle(1, 0, { offset: pending[0] as number, written: true });
    expect(free).toHaveLength(1);
  });
});
