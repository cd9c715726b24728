/**
 * Chunks on their way in: assembles packets in arena slots, hands whole chunks on, and says how far
 * the sender may go. What it is asked to hold is bounded by the credit it has given.
 */
import type { ReceivedFrame } from './wire.js';

/** Packets that one chunk may be cut into. */
export const CHUNK_PACKETS_MAX = 512;
export const INBOX_CHUNK_BYTES = 256 * 1024;
const INBOX_DIGEST_BYTES = 32;

export interface InboxPorts {
  /** Takes an arena slot; -1 when none is free. */
  acquire(): number;
  /** A chunk is whole in its slot: content, then digest. Answer with `settle`. */
  chunkReceived(
    channel: number,
    chunk: number,
    place: { offset: number; contentBytes: number },
  ): void;
  release(offset: number): void;
}

interface PartialChunk {
  readonly offset: number;
  readonly wireBytes: number;
  generation: number;
  received: number;
  readonly have: Uint8Array;
  whole: boolean;
}

class InboxChannel {
  /** So far, when more may be announced. */
  totalBytes = 0;
  /** Whole ones, when more may be announced. */
  chunks = 0;
  /** Whether the total may still grow. */
  isOpen = true;
  done = new Uint8Array(0);
  readonly partial = new Map<number, PartialChunk>();
  /** Chunks below are granted to the sender. */
  limit = 0;
  /** Granted chunks that are not done. */
  open = 0;
  doneChunks = 0;
  /** Chunks that are whole and not settled. */
  whole = 0;

  /** More is known of what there is to receive. What is known only grows, and ends once. */
  extend(totalBytes: number, isOpen: boolean): void {
    if (!this.isOpen || totalBytes < this.totalBytes) return;
    this.isOpen = isOpen;
    this.totalBytes = totalBytes;
    const chunks = totalBytes / INBOX_CHUNK_BYTES;
    this.chunks = isOpen ? Math.floor(chunks) : Math.ceil(chunks);
    const bytes = Math.ceil(this.chunks / 8);
    if (bytes <= this.done.length) return;
    const done = new Uint8Array(isOpen ? Math.max(bytes, this.done.length * 2) : bytes);
    done.set(this.done);
    this.done = done;
  }

  isDone(chunk: number): boolean {
    return ((this.done[chunk >> 3] as number) & (1 << (chunk & 7))) !== 0;
  }

  markDone(chunk: number): void {
    this.done[chunk >> 3] = (this.done[chunk >> 3] as number) | (1 << (chunk & 7));
    this.doneChunks += 1;
  }

  contentBytes(chunk: number): number {
    return Math.min(INBOX_CHUNK_BYTES, this.totalBytes - chunk * INBOX_CHUNK_BYTES);
  }

  grant(openMax: number): void {
    while (this.open < openMax && this.limit < this.chunks) {
      if (!this.isDone(this.limit)) this.open += 1;
      this.limit += 1;
    }
  }
}

export class ChunkInbox {
  readonly #ports: InboxPorts;
  readonly #channels = new Map<number, InboxChannel>();

  constructor(ports: InboxPorts) {
    this.#ports = ports;
  }

  /**
   * Starts to receive a transfer.
   *
   * @param durable Half-open chunk ranges that are already here.
   * @param total All bytes; or those that are `known` so far, when `extend` will tell of more. Of such
   * a transfer only whole chunks are granted until its end.
   */
  openChannel(
    channel: number,
    total: number | { readonly known: number },
    durable: readonly { first: number; end: number }[],
  ): void {
    const state = new InboxChannel();
    if (typeof total === 'number') state.extend(total, false);
    else state.extend(total.known, true);
    for (const range of durable) {
      for (let chunk = range.first; chunk < Math.min(range.end, state.chunks); chunk += 1) {
        if (!state.isDone(chunk)) state.markDone(chunk);
      }
    }
    this.#channels.set(channel, state);
  }

  /** More of an open transfer is known; without effect on one that is not open. */
  extend(channel: number, totalBytes: number, isOpen: boolean): void {
    this.#channels.get(channel)?.extend(totalBytes, isOpen);
  }

  closeChannel(channel: number): void {
    const state = this.#channels.get(channel);
    if (state === undefined) return;
    for (const partial of state.partial.values()) {
      // A whole chunk is with the disk; its slot is released when it settles.
      if (!partial.whole) this.#ports.release(partial.offset);
    }
    this.#channels.delete(channel);
  }

  /** Grants up to `openMax` unfinished chunks to a channel and returns its limit. */
  grant(channel: number, openMax: number): number {
    const state = this.#channels.get(channel);
    if (state === undefined) return 0;
    state.grant(openMax);
    return state.limit;
  }

  /** Whether every chunk of the channel has been written. */
  isComplete(channel: number): boolean {
    const state = this.#channels.get(channel);
    return state !== undefined && !state.isOpen && state.doneChunks === state.chunks;
  }

  /** Whether every chunk of the channel has arrived, written or not. */
  isWhole(channel: number): boolean {
    const state = this.#channels.get(channel);
    return state !== undefined && !state.isOpen && state.doneChunks + state.whole === state.chunks;
  }

  /**
   * Takes a data packet.
   *
   * @returns False when it must count as not received: no slot is free or it breaks the rules.
   */
  receive(frame: ReceivedFrame, bytes: Uint8Array): boolean {
    const state = this.#channels.get(frame.channel);
    // A packet of a transfer that has ended is acknowledged and forgotten.
    if (state === undefined) return true;
    const chunk = frame.positionHigh;
    if (chunk >= state.limit || frame.index >= CHUNK_PACKETS_MAX) return false;
    if (state.isDone(chunk)) return true;
    const wireBytes = state.contentBytes(chunk) + INBOX_DIGEST_BYTES;
    if (frame.length === 0 || frame.positionLow + frame.length > wireBytes) return false;
    const partial = this.#partialFor(state, frame, wireBytes);
    if (partial === null) return false;
    if (partial.whole || partial.have[frame.index] === 1) return true;
    partial.have[frame.index] = 1;
    this.#copy(frame, bytes, partial);
    partial.received += frame.length;
    if (partial.received >= wireBytes) {
      partial.whole = true;
      state.whole += 1;
      this.#ports.chunkReceived(frame.channel, chunk, {
        offset: partial.offset,
        contentBytes: wireBytes - INBOX_DIGEST_BYTES,
      });
    }
    return true;
  }

  /** Target of received bytes: the arena. Set once by the owner. */
  arena: Uint8Array = new Uint8Array(0);

  /** The disk has taken the chunk (`written`) or found it damaged: it will come again. */
  settle(channel: number, chunk: number, result: { offset: number; written: boolean }): void {
    this.#ports.release(result.offset);
    const state = this.#channels.get(channel);
    if (state?.partial.get(chunk)?.offset !== result.offset) return;
    state.partial.delete(chunk);
    state.whole -= 1;
    if (!result.written) return;
    state.markDone(chunk);
    state.open -= 1;
  }

  #partialFor(state: InboxChannel, frame: ReceivedFrame, wireBytes: number): PartialChunk | null {
    const held = state.partial.get(frame.positionHigh);
    if (held !== undefined) {
      if (held.whole || held.generation === frame.flags) return held;
      const newer = ((frame.flags - held.generation) & 0xff) < 128;
      if (!newer) return held.whole ? held : null;
      held.generation = frame.flags;
      held.received = 0;
      held.have.fill(0);
      return held;
    }
    const offset = this.#ports.acquire();
    if (offset < 0) return null;
    const partial: PartialChunk = {
      offset,
      wireBytes,
      generation: frame.flags,
      received: 0,
      have: new Uint8Array(CHUNK_PACKETS_MAX),
      whole: false,
    };
    state.partial.set(frame.positionHigh, partial);
    return partial;
  }

  #copy(frame: ReceivedFrame, bytes: Uint8Array, partial: PartialChunk): void {
    const content = bytes.subarray(frame.offset, frame.offset + frame.length);
    this.arena.set(content, partial.offset + frame.positionLow);
  }
}
