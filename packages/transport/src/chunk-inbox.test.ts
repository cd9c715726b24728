import { describe, expect, it } from 'vitest';
import { ChunkInbox, INBOX_CHUNK_BYTES } from './chunk-inbox.js';

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
