import { describe, expect, it } from 'vitest';
import { ChunkInbox, INBOX_CHUNK_BYTES } from './chunk-inbox.js';
import { FRAME, newReceivedFrame, type ReceivedFrame } from './wire.js';

const newInbox = (): ChunkInbox =>
  new ChunkInbox({ acquire: () => -1, release: () => {}, chunkReceived: () => {} });

describe('an open transfer in the inbox', () => {
  it('grants whole chunks of what is known, and the last when the end is', () => {
    const inbox = newInbox();
    inbox.openChannel(1, { known: INBOX_CHUNK_BYTES - 1 }, []);
    expect(inbox.grant(1, 10)).toBe(0);
    inbox.extend(1, 3 * INBOX_CHUNK_BYTES + 5, true);
    expect(inbox.grant(1, 2)).toBe(2);
    expect(inbox.grant(1, 10)).toBe(3);
    inbox.extend(1, 20 * INBOX_CHUNK_BYTES + 5, true);
    expect(inbox.grant(1, 100)).toBe(20);
    inbox.extend(1, 20 * INBOX_CHUNK_BYTES + 5, false);
    expect(inbox.grant(1, 100)).toBe(21);
  });

  it('is complete only with its end, never shrinks, and ends once', () => {
    const inbox = newInbox();
    const all = [{ first: 0, end: 2 }];
    inbox.openChannel(1, { known: 2 * INBOX_CHUNK_BYTES }, all);
    expect(inbox.isComplete(1)).toBe(false);
    inbox.extend(1, INBOX_CHUNK_BYTES, false);
    expect(inbox.isComplete(1)).toBe(false);
    inbox.extend(1, 2 * INBOX_CHUNK_BYTES, false);
    expect(inbox.isComplete(1)).toBe(true);
    inbox.extend(1, 9 * INBOX_CHUNK_BYTES, true);
    expect(inbox.grant(1, 100)).toBe(2);
  });
});

describe('a channel whose chunks have arrived', () => {
  const frameOf = (chunk: number, bytes: number): ReceivedFrame => ({
    ...newReceivedFrame(),
    ...{ type: FRAME.data, channel: 1, index: 0, positionHigh: chunk, length: bytes },
  });

  it('is whole before it is written, and not while one is missing or damaged', () => {
    const inbox = new ChunkInbox({
      acquire: () => 0,
      release: () => undefined,
      chunkReceived: () => undefined,
    });
    inbox.arena = new Uint8Array(INBOX_CHUNK_BYTES + 64);
    const wire = new Uint8Array(INBOX_CHUNK_BYTES + 64);
    inbox.openChannel(1, INBOX_CHUNK_BYTES + 10, []);
    inbox.grant(1, 2);
    expect(inbox.receive(frameOf(0, INBOX_CHUNK_BYTES + 32), wire)).toBe(true);
    expect(inbox.isWhole(1)).toBe(false);
    expect(inbox.receive(frameOf(1, 42), wire)).toBe(true);
    expect([inbox.isWhole(1), inbox.isComplete(1)]).toEqual([true, false]);
    inbox.settle(1, 0, { offset: 0, written: true });
    expect(inbox.isWhole(1)).toBe(true);
    inbox.settle(1, 1, { offset: 0, written: false });
    expect(inbox.isWhole(1)).toBe(false);
  });
});
