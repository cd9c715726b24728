/**
 * Chunks on their way out: cuts each into packets of one size, remembers which of them have arrived
 * and which are to be sent again. The content stays in the arena until its last packet is
 * acknowledged.
 */
import type { PacketContent } from './packet-ledger.js';
import type { FrameFields } from './wire.js';
import { FRAME } from './wire.js';

/** Kind of ledger content that belongs to the outbox. */
export const CONTENT_DATA = 1;

const PACKET = { unsent: 0, inFlight: 1, lost: 2, acked: 3 } as const;
/** Packets that one pass over the unacknowledged tail repeats at most. */
const TAIL_PACKETS_MAX = 64;
/** Repetitions at the end that leave twice; those beyond are only repeated when they are lost in turn. */
export const SPARES_MAX = 4096;

interface OutChunk {
  readonly channel: number;
  readonly chunk: number;
  readonly offset: number;
  /** Content and digest. */
  readonly wireBytes: number;
  readonly serial: number;
  payloadBytes: number;
  packets: number;
  acked: number;
  next: number;
  generation: number;
  sent: number;
  states: Uint8Array;
}

/** One packet of a chunk. */
interface PacketPlace {
  readonly ref: number;
  readonly serial: number;
  readonly index: number;
}

/** What a chunk has cost. */
export interface ChunkSent {
  /** Content and digest. */
  readonly wireBytes: number;
  /** Payload bytes sent more than once. */
  readonly bytesAgain: number;
  readonly packets: number;
}

export interface OutboxEvents {
  /** All packets of the chunk have arrived: its arena slot is free again. */
  chunkAcked(channel: number, chunk: number, offset: number, sent: ChunkSent): void;
}

export class ChunkOutbox {
  readonly #events: OutboxEvents;
  /** By ledger `ref`; null entries are free. */
  readonly #table: (OutChunk | null)[] = [];
  readonly #free: number[] = [];
  /** Refs with unsent packets, in sending order. */
  #fresh: number[] = [];
  #again: PacketPlace[] = [];
  #againHead = 0;
  /** Repetitions that leave once more at the very end. */
  #spares: PacketPlace[] = [];
  #draining = false;
  #serial = 0;
  #payloadBytes: number;
  /** Generation of the next chunk that is cut anew; distinguishes packetisations. */
  #generation = 0;
  #packetsSent = 0;
  #packetsAgain = 0;

  constructor(payloadBytes: number, events: OutboxEvents) {
    this.#payloadBytes = payloadBytes;
    this.#events = events;
  }

  get size(): number {
    return this.#table.length - this.#free.length;
  }
  /** Chunks with packets that have never been sent. */
  get freshCount(): number {
    return this.#fresh.length;
  }
  get ready(): boolean {
    if (this.#fresh.length > 0 || this.#againHead < this.#again.length) return true;
    return this.#spares.length > 0;
  }
  get packetsSent(): number {
    return this.#packetsSent;
  }
  get packetsSentAgain(): number {
    return this.#packetsAgain;
  }

  /**
   * Queues a chunk whose content and digest lie at `offset`.
   *
   * @param wireBytes Content plus digest, 33 to 262,176.
   */
  add(place: { channel: number; chunk: number; offset: number; wireBytes: number }): void {
    const packets = Math.ceil(place.wireBytes / this.#payloadBytes);
    this.#serial = (this.#serial + 1) & 0x7fff_ffff;
    // Written out: V8 takes a new hidden class for every object that a spread begins.
    const out: OutChunk = {
      channel: place.channel,
      chunk: place.chunk,
      offset: place.offset,
      wireBytes: place.wireBytes,
      serial: this.#serial,
      payloadBytes: this.#payloadBytes,
      packets,
      acked: 0,
      next: 0,
      generation: this.#generation,
      sent: 0,
      states: new Uint8Array(packets),
    };
    const ref = this.#free.pop() ?? this.#table.push(null) - 1;
    this.#table[ref] = out;
    this.#fresh.push(ref);
  }

  /** Later chunks are cut to this size; those under way keep theirs. */
  setPayloadBytes(bytes: number): void {
    this.#payloadBytes = bytes;
  }

  /** A new generation: chunks sent for the second time must not mix with leftovers of the first. */
  nextGeneration(): void {
    this.#generation = (this.#generation + 1) & 0xff;
  }

  /** Cuts every unfinished chunk anew, because the path no longer takes packets of their size. */
  repacketize(): void {
    this.nextGeneration();
    this.#again = [];
    this.#againHead = 0;
    this.#spares = [];
    this.#fresh = [];
    this.#table.forEach((out, ref) => {
      if (out === null) return;
      this.#serial = (this.#serial + 1) & 0x7fff_ffff;
      const packets = Math.ceil(out.wireBytes / this.#payloadBytes);
      this.#table[ref] = {
        ...out,
        serial: this.#serial,
        payloadBytes: this.#payloadBytes,
        packets,
        acked: 0,
        next: 0,
        generation: this.#generation,
        states: new Uint8Array(packets),
      };
      this.#fresh.push(ref);
    });
  }

  /**
   * Fills in the next packet: lost ones first, then fresh ones.
   *
   * @returns False when there is nothing to send.
   */
  next(frame: FrameFields, content: PacketContent): boolean {
    while (this.#againHead < this.#again.length) {
      const item = this.#again[this.#againHead] as PacketPlace;
      this.#againHead += 1;
      if (this.#againHead > 4096 && this.#againHead * 2 > this.#again.length) {
        this.#again = this.#again.slice(this.#againHead);
        this.#againHead = 0;
      }
      const out = this.#table[item.ref];
      if (out == null || out.serial !== item.serial) continue;
      if (out.states[item.index] !== PACKET.lost) continue;
      this.#fill(out, { ref: item.ref, index: item.index }, { frame, content });
      this.#packetsAgain += 1;
      return true;
    }
    const ref = this.#fresh[0];
    if (ref === undefined) return this.#nextSpare(frame, content);
    const out = this.#table[ref] as OutChunk;
    const index = out.next;
    out.next += 1;
    if (out.next >= out.packets) this.#fresh.shift();
    this.#fill(out, { ref, index }, { frame, content });
    return true;
  }

  /**
   * Says whether no more chunks follow for now. At the end a repetition that is lost in turn costs a
   * whole round trip, so each leaves twice.
   */
  setDraining(draining: boolean): void {
    this.#draining = draining;
  }

  acked(content: PacketContent): void {
    const out = this.#table[content.ref];
    if (out == null || out.serial !== content.serial) return;
    if (out.states[content.index] === PACKET.acked) return;
    out.states[content.index] = PACKET.acked;
    out.acked += 1;
    if (out.acked < out.packets) return;
    this.#release(content.ref);
    this.#events.chunkAcked(out.channel, out.chunk, out.offset, {
      wireBytes: out.wireBytes,
      // A chunk of one packet may be much smaller than a packet.
      bytesAgain: Math.max(0, out.sent - out.packets) * Math.min(out.payloadBytes, out.wireBytes),
      packets: out.sent,
    });
  }

  lost(content: PacketContent): void {
    const out = this.#table[content.ref];
    if (out == null || out.serial !== content.serial) return;
    if (out.states[content.index] !== PACKET.inFlight) return;
    out.states[content.index] = PACKET.lost;
    const place = { ref: content.ref, serial: content.serial, index: content.index };
    this.#again.push(place);
    if (!this.#draining || this.#fresh.length > 0 || this.#spares.length >= SPARES_MAX) return;
    this.#spares.push(place);
  }

  /**
   * Queues the newest packets that are unacknowledged once more, because the link is idle and waiting
   * costs more: they show what is missing before them, and nothing behind shows it of them.
   */
  repeatTail(): number {
    const refs = [...this.#table.keys()].filter((ref) => this.#table[ref] !== null);
    const serialOf = (ref: number): number => this.#table[ref]?.serial ?? 0;
    refs.sort((a, b) => serialOf(b) - serialOf(a));
    const tail: PacketPlace[] = [];
    for (const ref of refs) {
      const out = this.#table[ref] as OutChunk;
      for (let index = out.next - 1; index >= 0 && tail.length < TAIL_PACKETS_MAX; index -= 1) {
        if (out.states[index] !== PACKET.inFlight) continue;
        out.states[index] = PACKET.lost;
        tail.push({ ref, serial: out.serial, index });
      }
    }
    this.#again.push(...tail.reverse());
    return tail.length;
  }

  /** Forgets a transfer's chunks and returns their arena offsets. */
  dropChannel(channel: number): number[] {
    const offsets: number[] = [];
    this.#table.forEach((out, ref) => {
      if (out === null || out.channel !== channel) return;
      offsets.push(out.offset);
      this.#fresh = this.#fresh.filter((item) => item !== ref);
      this.#release(ref);
    });
    return offsets;
  }

  #nextSpare(frame: FrameFields, content: PacketContent): boolean {
    for (let place = this.#spares.shift(); place !== undefined; place = this.#spares.shift()) {
      const out = this.#table[place.ref];
      if (out == null || out.serial !== place.serial) continue;
      if (out.states[place.index] !== PACKET.inFlight) continue;
      this.#fill(out, place, { frame, content });
      this.#packetsAgain += 1;
      return true;
    }
    return false;
  }

  #fill(
    out: OutChunk,
    at: { ref: number; index: number },
    target: { frame: FrameFields; content: PacketContent },
  ): void {
    const { frame, content } = target;
    const start = at.index * out.payloadBytes;
    frame.type = FRAME.data;
    frame.flags = out.generation;
    frame.length = Math.min(out.payloadBytes, out.wireBytes - start);
    frame.channel = out.channel;
    frame.index = at.index;
    frame.positionHigh = out.chunk;
    frame.positionLow = start;
    frame.offset = out.offset + start;
    content.kind = CONTENT_DATA;
    content.ref = at.ref;
    content.serial = out.serial;
    content.index = at.index;
    out.states[at.index] = PACKET.inFlight;
    out.sent += 1;
    this.#packetsSent += 1;
  }

  #release(ref: number): void {
    this.#table[ref] = null;
    this.#free.push(ref);
  }
}
