/** Sending driver: offers transfers, cuts their content into chunks, follows the credit. */
import { encodeMessage, type Flow, MESSAGE, type Message } from '@jetstream/transport';
import { CHUNK_BYTES, chunkContent, chunkDigest, DIGEST_BYTES } from './chunk-content.js';
import type { SlotPool } from './slot-pool.js';

/** What is sent. */
export interface OutgoingTransfer {
  readonly channel: number;
  readonly totalBytes: number;
  readonly seed: number;
  /** It was begun over another flow: what the receiver has already is not sent. */
  readonly resumed?: boolean;
}

interface OutgoingState extends OutgoingTransfer {
  readonly chunks: number;
  limit: number;
  next: number;
  readonly again: number[];
  complete: boolean;
  /** Chunks that the receiver has; null until it has said so. */
  there: ReadonlySet<number> | null;
}

/** Sends some transfers over one flow. */
export class TransferSender {
  readonly #arena: Uint8Array;
  readonly #slots: SlotPool;
  readonly #transfers = new Map<number, OutgoingState>();
  /** Told for each chunk that counts as arrived, so that a test can ask the receiver. */
  readonly #acked: (seed: number, chunk: number) => void;
  readonly #now: () => number;
  #flow: Flow | null = null;
  #slotsHeld = 0;
  readonly #slotsMax: number;

  constructor(options: {
    arena: Uint8Array;
    slots: SlotPool;
    /** Slots that this sender may hold at once. */
    slotsMax: number;
    acked: (seed: number, chunk: number) => void;
    now: () => number;
  }) {
    this.#arena = options.arena;
    this.#slots = options.slots;
    this.#slotsMax = options.slotsMax;
    this.#acked = options.acked;
    this.#now = options.now;
  }

  /** Whether there are transfers and the receiver has confirmed every one. */
  get complete(): boolean {
    if (this.#transfers.size === 0) return false;
    for (const transfer of this.#transfers.values()) if (!transfer.complete) return false;
    return true;
  }

  attach(flow: Flow): void {
    this.#flow = flow;
  }

  /** Offers a transfer; it starts when credit for it comes. */
  offer(transfer: OutgoingTransfer): void {
    this.#transfers.set(transfer.channel, {
      ...transfer,
      chunks: Math.ceil(transfer.totalBytes / CHUNK_BYTES),
      limit: 0,
      next: 0,
      again: [],
      complete: false,
      there: transfer.resumed === true ? null : new Set(),
    });
    const body = new Uint8Array(12);
    const view = new DataView(body.buffer);
    view.setFloat64(0, transfer.totalBytes);
    view.setUint32(8, transfer.seed);
    this.#flow?.send(encodeMessage({ type: MESSAGE.offer, channel: transfer.channel, body }));
    if (transfer.totalBytes >= CHUNK_BYTES) this.#flow?.scoutAhead(this.#now());
  }

  onCredit(channel: number, chunkLimit: number): void {
    const transfer = this.#transfers.get(channel);
    if (transfer !== undefined) transfer.limit = Math.max(transfer.limit, chunkLimit);
  }

  onChunkAcked(channel: number, chunk: number, offset: number): void {
    this.#slots.release(offset);
    this.#slotsHeld -= 1;
    const seed = this.#transfers.get(channel)?.seed;
    if (seed !== undefined) this.#acked(seed, chunk);
  }

  onMessage(message: Message): void {
    const transfer = this.#transfers.get(message.channel);
    if (transfer === undefined) return;
    if (message.type === MESSAGE.accept) {
      const { buffer, byteOffset, byteLength } = message.body;
      const view = new DataView(buffer, byteOffset, byteLength);
      const count = byteLength / 4;
      transfer.there = new Set(Array.from({ length: count }, (_, i) => view.getUint32(i * 4)));
    }
    if (message.type === MESSAGE.complete) transfer.complete = true;
    if (message.type === MESSAGE.chunkBad) {
      const { buffer, byteOffset } = message.body;
      transfer.again.push(new DataView(buffer, byteOffset).getUint32(0));
      this.#flow?.outbox.nextGeneration();
    }
  }

  /** Gives back what a closed flow still holds. */
  onClosed(): void {
    for (const channel of this.#transfers.keys()) {
      for (const offset of this.#flow?.outbox.dropChannel(channel) ?? []) {
        this.#slots.release(offset);
        this.#slotsHeld -= 1;
      }
    }
  }

  /**
   * Hands over as many chunks as slots and credit allow, in turn over the transfers.
   *
   * @returns Whether there were any.
   */
  pump(): boolean {
    const flow = this.#flow;
    if (flow === null || flow.closed) return false;
    let added = 0;
    let before = -1;
    while (before !== added) {
      before = added;
      for (const transfer of this.#transfers.values()) {
        if (this.#addNext(flow, transfer)) added += 1;
      }
    }
    let draining = this.#transfers.size > 0;
    for (const transfer of this.#transfers.values()) {
      if (transfer.next < transfer.chunks || transfer.again.length > 0) draining = false;
    }
    flow.setDraining(draining);
    return added > 0;
  }

  #addNext(flow: Flow, transfer: OutgoingState): boolean {
    if (transfer.there === null) return false;
    while (transfer.there.has(transfer.next)) transfer.next += 1;
    const chunk = transfer.again[0] ?? transfer.next;
    if (chunk >= Math.min(transfer.limit, transfer.chunks)) return false;
    if (this.#slotsHeld >= this.#slotsMax) return false;
    const offset = this.#slots.acquire();
    if (offset < 0) return false;
    this.#slotsHeld += 1;
    if (transfer.again.length > 0) transfer.again.shift();
    else transfer.next += 1;
    const length = Math.min(CHUNK_BYTES, transfer.totalBytes - chunk * CHUNK_BYTES);
    const content = chunkContent(transfer.seed, chunk, length);
    this.#arena.set(content, offset);
    this.#arena.set(chunkDigest(content), offset + length);
    const { channel } = transfer;
    flow.outbox.add({ channel, chunk, offset, wireBytes: length + DIGEST_BYTES });
    return true;
  }
}
