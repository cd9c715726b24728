/**
 * What a flow owes its peer: acknowledgements, in time but not too many. Keeps the window of packet
 * numbers received, times packet trains, and writes the payloads of ack frames.
 */
import { ACK_CREDITS_MAX, ackBitmapBytesMax, type Credit, writeAckHead } from './ack-frame.js';
import { AckWindow } from './ack-window.js';
import { PACKET_OVERHEAD_BYTES } from './packet-io.js';
import { type TrainArrival, TrainMeter } from './train-meter.js';
import type { ReceivedFrame } from './wire.js';

/** Acks are sent at most this late and at least this far apart, in microseconds. */
const INTERVAL_MAX_US = 8000;
const INTERVAL_MIN_US = 1000;
/** Ack frames sent at once, when one bitmap cannot reach back far enough. */
const FRAGMENTS_MAX = 8;
/** How often news for a waiting peer is repeated, and the first pause before that. */
const REPEATS_MAX = 5;
const REPEAT_PAUSE_MIN_US = 50_000;

export interface AckContent {
  readonly streamLimit: number;
  readonly credits: readonly Credit[];
  /** Bytes per microsecond that the peer may send; Infinity for no limit. */
  readonly rateLimit: number;
}

export class AckDuty {
  readonly #window = new AckWindow();
  readonly #trains = new TrainMeter();
  #peerRttUs = 0;
  #dueAt = Infinity;
  #repeatsLeft = 0;
  #repeatPauseUs = 0;

  /** When the next ack is to be sent; Infinity when none is owed. */
  get dueAt(): number {
    return this.#dueAt;
  }
  get highest(): number {
    return this.#window.highest;
  }

  has(packetNumber: number): boolean {
    return this.#window.has(packetNumber);
  }

  /** @returns False for a duplicate or a packet too old to tell. */
  note(packetNumber: number, now: number): boolean {
    return this.#window.add(packetNumber, now);
  }

  /** A data packet of this size came in. */
  noteData(bytes: number, arrival: TrainArrival): void {
    this.#repeatsLeft = 0;
    this.#trains.add(bytes, arrival);
  }

  /** A probe came in; it may be one of a train that is to be timed: its place there, from 1. */
  noteScout(probe: ReceivedFrame, now: number): void {
    const { packetNumber, index } = probe;
    if (index === 0) return;
    const bytes = probe.length + PACKET_OVERHEAD_BYTES;
    this.#trains.add(bytes, { now, packetNumber, continued: index > 1 });
  }

  /** The peer's view: its round trip, and below which packet number it needs no more acks. */
  notePeer(state: { rttUs: number; floor: number }): void {
    this.#peerRttUs = state.rttUs;
    this.#window.raiseFloor(state.floor);
  }

  /** An ack is owed. @param rttUs Our own view, while the peer's is unknown. */
  owe(now: number, rttUs: number): void {
    const rtt = this.#peerRttUs > 0 ? this.#peerRttUs : rttUs;
    const interval = Math.max(INTERVAL_MIN_US, Math.min(INTERVAL_MAX_US, rtt / 4));
    this.#dueAt = Math.min(this.#dueAt, now + interval);
  }

  /**
   * Something in the ack has changed that the peer waits for. As acks are not acknowledged, it is
   * repeated until data come in: a peer without credit would be silent otherwise.
   *
   * @param rttUs Our own view, while the peer's is unknown.
   */
  hurry(now: number, rttUs: number): void {
    const rtt = this.#peerRttUs > 0 ? this.#peerRttUs : rttUs;
    this.#dueAt = Math.min(this.#dueAt, now + INTERVAL_MIN_US);
    this.#repeatsLeft = REPEATS_MAX;
    this.#repeatPauseUs = Math.max(rtt * 1.5, REPEAT_PAUSE_MIN_US);
  }

  /**
   * Writes the ack frames that are due.
   *
   * @param cell Reserves room for one frame and returns where in `bytes` it starts; -1 when full.
   * @param push Sends what was written there: payload length and the frame's top packet number.
   */
  write(
    content: AckContent,
    now: number,
    out: { bytes: Uint8Array; cell(): number; push(length: number, top: number): void },
  ): void {
    this.#dueAt = Infinity;
    if (this.#repeatsLeft > 0) {
      this.#repeatsLeft -= 1;
      this.#dueAt = now + this.#repeatPauseUs;
      this.#repeatPauseUs *= 2;
    }
    const credits = content.credits.slice(0, ACK_CREDITS_MAX);
    const bitmapBytes = ackBitmapBytesMax(credits.length);
    const trainRate = this.#trains.take() * 1000;
    const fragments = Math.ceil(Math.max(this.#window.span, 1) / (bitmapBytes * 8));
    let top = this.#window.highest;
    for (let i = 0; i < Math.min(fragments, FRAGMENTS_MAX) && top >= 0; i += 1) {
      const offset = out.cell();
      if (offset < 0) return;
      const start = writeAckHead(out.bytes, offset, {
        delayUs: i === 0 ? now - this.#window.highestAt : 0,
        trainRate: i === 0 ? trainRate : 0,
        rateLimit: Number.isFinite(content.rateLimit) ? Math.max(1, content.rateLimit * 1000) : 0,
        streamLimit: content.streamLimit,
        credits,
      });
      const length = this.#window.writeBitmap(top, out.bytes, start, bitmapBytes);
      out.push(start - offset + length, top);
      top -= bitmapBytes * 8;
    }
  }
}
