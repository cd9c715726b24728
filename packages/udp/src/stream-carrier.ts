/**
 * A few reliable streams to one peer that carry packets together. Each packet goes to the stream that
 * has least to send, so that one that waits for a lost segment does not hold up the others; equal ones
 * take turns, so that one that has died unnoticed does not get every answer. The streams live and die
 * together: what a broken one had swallowed cannot be told.
 */
import type { Duplex } from 'node:stream';
import {
  encodeStreamFrame,
  type PeerAddress,
  putStreamLength,
  STREAM_LENGTH_BYTES,
  StreamFrameReader,
} from '@jetstream/transport';

/** Bytes that may wait in one stream before a carrier takes no more file data. */
export const STREAM_UNSENT_BYTES_MAX = 512 * 1024;
/** The same with everything else (acknowledgements, closing): a peer that reads nothing is left. */
export const CARRIER_UNSENT_BYTES_MAX = 16 * 1024 * 1024;
/** Received bytes that may wait in one stream before it is not read from. */
export const STREAM_UNREAD_BYTES_MAX = 1024 * 1024;
/** What a waiting packet counts beyond its bytes, so that tiny ones cannot pile up either. */
const PACKET_COST_BYTES = 128;
/** Streams of one carrier. */
export const CARRIER_STREAMS_MAX = 16;
/** Time for the last packets to leave after a carrier was closed. */
const LINGER_MS = 2000;

export interface CarrierEvents {
  /** Packets wait to be taken, or there is room again. */
  news(): void;
  closed(reason: string): void;
}

interface Lane {
  readonly stream: Duplex;
  readonly reader: StreamFrameReader;
  readonly packets: Buffer[];
  packetBytes: number;
}

/** @see the head of this file */
export class StreamCarrier {
  /** Who is at the other end, as the operating system says. */
  readonly remote: PeerAddress;
  readonly #lanes: Lane[] = [];
  readonly #onClosed: (() => void)[] = [];
  #events: CarrierEvents | null = null;
  #closed: string | null = null;
  #turn = 0;
  #sendTurn = 0;
  #wasFull = false;

  constructor(remote: PeerAddress) {
    this.remote = remote;
  }

  get streamCount(): number {
    return this.#lanes.length;
  }
  get closed(): boolean {
    return this.#closed !== null;
  }

  /** Calls back when it has closed. */
  whenClosed(run: () => void): void {
    if (this.closed) run();
    else this.#onClosed.push(run);
  }

  /** Says who is to be told; a carrier that has broken meanwhile says so at once. */
  attach(events: CarrierEvents): void {
    this.#events = events;
    if (this.#closed !== null) events.closed(this.#closed);
  }

  /**
   * Adds a stream.
   *
   * @param head Bytes that were read from it already.
   */
  join(stream: Duplex, head: Uint8Array = new Uint8Array(0)): void {
    const lane: Lane = { stream, reader: new StreamFrameReader(), packets: [], packetBytes: 0 };
    this.#lanes.push(lane);
    stream.on('data', (bytes: Buffer) => this.#receive(lane, bytes));
    stream.on('drain', () => this.#noteRoom());
    stream.on('error', (error: Error) => this.#break(`a stream broke: ${error.message}`));
    stream.on('end', () => this.#break('the peer closed a stream'));
    stream.on('close', () => this.#break('a stream was closed'));
    if (head.length > 0) this.#receive(lane, head);
    if (this.closed) stream.destroy();
    else stream.resume();
  }

  /** Bytes of file data that it takes now. */
  get room(): number {
    if (this.#closed !== null) return 0;
    let room = 0;
    for (const { stream } of this.#lanes) {
      room += Math.max(0, STREAM_UNSENT_BYTES_MAX - stream.writableLength);
    }
    this.#wasFull ||= room === 0;
    return room;
  }

  /** Memory for a packet that {@link send} then takes. */
  static frame(packetBytes: number): { frame: Buffer; packet: Buffer } {
    const frame = Buffer.allocUnsafe(STREAM_LENGTH_BYTES + packetBytes);
    putStreamLength(frame);
    return { frame, packet: frame.subarray(STREAM_LENGTH_BYTES) };
  }

  /** Sends a whole frame; without effect once closed. */
  send(frame: Uint8Array): void {
    if (this.#closed !== null) return;
    const count = this.#lanes.length;
    let chosen = this.#sendTurn % count;
    let least = Infinity;
    let unsent = 0;
    for (let i = 0; i < count; i += 1) {
      const at = (this.#sendTurn + i) % count;
      const waiting = (this.#lanes[at] as Lane).stream.writableLength;
      unsent += waiting;
      if (waiting < least) [chosen, least] = [at, waiting];
    }
    if (unsent > CARRIER_UNSENT_BYTES_MAX) {
      this.#break('the peer does not read');
      return;
    }
    this.#sendTurn = chosen + 1;
    (this.#lanes[chosen] as Lane).stream.write(frame);
  }

  sendPacket(packet: Uint8Array): void {
    this.send(encodeStreamFrame(packet));
  }

  /** The writes until {@link uncork} leave together. */
  cork(): void {
    for (const { stream } of this.#lanes) stream.cork();
  }
  uncork(): void {
    for (const { stream } of this.#lanes) stream.uncork();
  }

  /** The next packet that has come in, over any of the streams; null when none waits. */
  take(): Buffer | null {
    const count = this.#lanes.length;
    for (let i = 0; i < count; i += 1) {
      const lane = this.#lanes[(this.#turn + i) % count] as Lane;
      const packet = lane.packets.shift();
      if (packet === undefined) continue;
      this.#turn = (this.#turn + i + 1) % count;
      lane.packetBytes -= packet.length + PACKET_COST_BYTES;
      if (lane.packetBytes <= STREAM_UNREAD_BYTES_MAX / 2 && lane.stream.isPaused()) {
        lane.stream.resume();
      }
      return packet;
    }
    return null;
  }

  /** Lets what was sent leave, then closes the streams. */
  close(): void {
    this.#end('closed here');
    for (const { stream } of this.#lanes) {
      stream.end();
      const timer = setTimeout(() => stream.destroy(), LINGER_MS);
      timer.unref();
      stream.once('close', () => clearTimeout(timer));
    }
  }

  /** Closes the streams at once. */
  destroy(): void {
    this.#break('closed here');
  }

  #receive(lane: Lane, bytes: Uint8Array): void {
    if (this.#closed !== null) return;
    const used = lane.reader.push(bytes, (packet) => {
      lane.packets.push(Buffer.from(packet.buffer, packet.byteOffset, packet.length));
      lane.packetBytes += packet.length + PACKET_COST_BYTES;
      return true;
    });
    if (used < 0) {
      this.#break('the peer sent no packets');
      return;
    }
    if (lane.packetBytes > STREAM_UNREAD_BYTES_MAX) lane.stream.pause();
    if (lane.packets.length > 0) this.#events?.news();
  }

  #noteRoom(): void {
    if (!this.#wasFull) return;
    this.#wasFull = false;
    this.#events?.news();
  }

  #break(reason: string): void {
    this.#end(reason);
    for (const { stream } of this.#lanes) stream.destroy();
  }

  #end(reason: string): void {
    if (this.#closed !== null) return;
    this.#closed = reason;
    for (const lane of this.#lanes) lane.packets.length = 0;
    this.#events?.closed(reason);
    for (const run of this.#onClosed.splice(0)) run();
  }
}
