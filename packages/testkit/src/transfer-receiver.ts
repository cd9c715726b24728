/** Receiving driver: grants credit, checks every chunk against what was sent, writes to a disk. */
import {
  ChunkInbox,
  type Credit,
  encodeMessage,
  type Flow,
  MESSAGE,
  type Message,
} from '@jetstream/transport';
import { DIGEST_BYTES, isChunk } from './chunk-content.js';
import type { Outage } from './simulated-link.js';
import type { SlotPool } from './slot-pool.js';
import type { VirtualClock } from './virtual-clock.js';

/** A disk that takes time, and may stand still. */
export interface DiskOptions {
  /** Bytes per microsecond (MB/s); Infinity writes at once. */
  readonly bytesPerUs: number;
  readonly stalls: readonly Outage[];
}

/** What one receiver needs. */
export interface TransferReceiverOptions {
  readonly clock: VirtualClock;
  readonly arena: Uint8Array;
  readonly slots: SlotPool;
  /** Unfinished chunks granted at once, over all transfers of the flow. */
  readonly openMax: number;
  readonly disk?: DiskOptions;
  /** Chunks that are on the disk, by transfer; they outlive the flow. */
  readonly durable: Map<number, Set<number>>;
  /** Chunks that are found damaged when they come for the first time, by chunk index. */
  readonly damaged?: ReadonlySet<number>;
  /** All packets of a chunk have come in. */
  readonly received: (seed: number, chunk: number) => void;
  /** Something has changed outside a step. */
  readonly wake: () => void;
}

interface IncomingState {
  readonly totalBytes: number;
  readonly seed: number;
  complete: boolean;
}

/** Receives the transfers of one flow. */
export class TransferReceiver {
  readonly inbox: ChunkInbox;
  readonly #options: TransferReceiverOptions;
  readonly #transfers = new Map<number, IncomingState>();
  readonly #damaged: Set<number>;
  #flow: Flow | null = null;
  #diskFreeAt = 0;
  #contentBytes = 0;
  #completed = 0;

  constructor(options: TransferReceiverOptions) {
    this.#options = options;
    this.#damaged = new Set(options.damaged ?? []);
    this.inbox = new ChunkInbox({
      acquire: () => options.slots.acquire(),
      release: (offset) => options.slots.release(offset),
      chunkReceived: (channel, chunk, place) => this.#onChunk(channel, chunk, place),
    });
    this.inbox.arena = options.arena;
  }

  /** Content bytes that have been checked and written. */
  get contentBytes(): number {
    return this.#contentBytes;
  }
  /** Transfers that are complete. */
  get completed(): number {
    return this.#completed;
  }

  attach(flow: Flow): void {
    this.#flow = flow;
  }

  onMessage(message: Message): void {
    if (message.type !== MESSAGE.offer) return;
    const view = new DataView(message.body.buffer, message.body.byteOffset);
    const totalBytes = view.getFloat64(0);
    this.#transfers.set(message.channel, { totalBytes, seed: view.getUint32(8), complete: false });
    const chunks = [...this.#durableOf(view.getUint32(8))];
    const ranges = chunks.map((chunk) => ({ first: chunk, end: chunk + 1 }));
    this.inbox.openChannel(message.channel, totalBytes, ranges);
    this.#accept(message.channel, chunks);
    this.#flow?.creditChanged(this.#options.clock.now);
    this.#completeIfDone(message.channel);
  }

  credits(): readonly Credit[] {
    const credits: Credit[] = [];
    const share = Math.max(1, Math.floor(this.#options.openMax / Math.max(1, this.#openCount())));
    for (const [channel, transfer] of this.#transfers) {
      if (transfer.complete) continue;
      credits.push({ channel, chunkLimit: this.inbox.grant(channel, share) });
    }
    return credits;
  }

  /** Gives back what a closed flow still holds. */
  onClosed(): void {
    for (const channel of this.#transfers.keys()) this.inbox.closeChannel(channel);
  }

  #durableOf(seed: number): Set<number> {
    const { durable } = this.#options;
    const chunks = durable.get(seed) ?? new Set();
    durable.set(seed, chunks);
    return chunks;
  }

  #accept(channel: number, chunks: readonly number[]): void {
    const body = new Uint8Array(4 * chunks.length);
    const view = new DataView(body.buffer);
    for (const [i, chunk] of chunks.entries()) view.setUint32(i * 4, chunk);
    this.#flow?.send(encodeMessage({ type: MESSAGE.accept, channel, body }));
  }

  #openCount(): number {
    let count = 0;
    for (const transfer of this.#transfers.values()) if (!transfer.complete) count += 1;
    return count;
  }

  #onChunk(channel: number, chunk: number, place: { offset: number; contentBytes: number }): void {
    const { clock, disk, received } = this.#options;
    received((this.#transfers.get(channel) as IncomingState).seed, chunk);
    let at = Math.max(clock.now, this.#diskFreeAt);
    if (disk !== undefined) {
      for (const stall of disk.stalls) if (at >= stall.fromUs && at < stall.toUs) at = stall.toUs;
      at += place.contentBytes / disk.bytesPerUs;
    }
    this.#diskFreeAt = at;
    clock.schedule(at, () => this.#onWritten(channel, chunk, place));
  }

  #onWritten(
    channel: number,
    chunk: number,
    place: { offset: number; contentBytes: number },
  ): void {
    const { arena, clock, wake } = this.#options;
    const transfer = this.#transfers.get(channel) as IncomingState;
    const slot = arena.subarray(place.offset, place.offset + place.contentBytes + DIGEST_BYTES);
    const wanted = { seed: transfer.seed, chunk, length: place.contentBytes };
    if (!isChunk(slot, wanted)) {
      throw new Error(`Chunk ${chunk} of channel ${channel} differs from what was sent`);
    }
    const damaged = this.#damaged.delete(chunk);
    this.inbox.settle(channel, chunk, { offset: place.offset, written: !damaged });
    if (damaged) {
      const body = new Uint8Array(4);
      new DataView(body.buffer).setUint32(0, chunk);
      this.#flow?.send(encodeMessage({ type: MESSAGE.chunkBad, channel, body }));
    } else {
      this.#contentBytes += place.contentBytes;
      this.#durableOf(transfer.seed).add(chunk);
    }
    this.#flow?.creditChanged(clock.now);
    this.#completeIfDone(channel);
    wake();
  }

  #completeIfDone(channel: number): void {
    const transfer = this.#transfers.get(channel) as IncomingState;
    if (transfer.complete || !this.inbox.isComplete(channel)) return;
    transfer.complete = true;
    this.#completed += 1;
    const body = new Uint8Array(0);
    this.#flow?.send(encodeMessage({ type: MESSAGE.complete, channel, body }));
  }
}
