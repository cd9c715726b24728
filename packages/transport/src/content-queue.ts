/**
 * What a flow sends until it is acknowledged: pings, messages, probes of the path, and data. Decides
 * which is next and how large packets may be.
 */
import { ChunkOutbox, CONTENT_DATA } from './chunk-outbox.js';
import type { FlowOptions } from './flow-options.js';
import { CEILING_PACKET_US, tailPauseUs } from './flow-times.js';
import { MessageStream } from './message-stream.js';
import { PACKET_OVERHEAD_BYTES } from './packet-io.js';
import { type PacketContent, setContent } from './packet-ledger.js';
import { PathScout } from './path-scout.js';
import { fittingPayload, ProbeLadder } from './probe-ladder.js';
import {
  CONTROL_BYTES_MAX,
  FRAME,
  type FrameFields,
  PAYLOAD_BYTES_START,
  setFrame,
  setPosition,
} from './wire.js';

const CONTENT_STREAM = 2;
const CONTENT_PROBE = 3;
const CONTENT_PING = 4;
const CONTENT_SCOUT = 5;

export class ContentQueue {
  readonly outbox: ChunkOutbox;
  readonly stream = new MessageStream();
  readonly scout = new PathScout();
  /** What the frame that `next` filled in stands for. */
  readonly content: PacketContent = { kind: 0, ref: 0, serial: 0, index: 0 };
  readonly #frame: FrameFields;
  readonly #probes: ProbeLadder;
  readonly #arena: Uint8Array;
  readonly #paddingOffset: number;
  readonly #repeatsTail: boolean;
  #draining = false;
  #tailRepeatedAt = 0;
  #pingDue = false;
  #payloadBytes = PAYLOAD_BYTES_START;
  /** What the path is known to take; less is used at a low ceiling. */
  #provenBytes = PAYLOAD_BYTES_START;

  /** @param frame Filled in by `next`. */
  constructor(options: FlowOptions, frame: FrameFields) {
    this.#frame = frame;
    this.#arena = options.arena;
    this.#paddingOffset = options.paddingOffset;
    this.outbox = new ChunkOutbox(this.#payloadBytes, options.events);
    this.#probes = new ProbeLadder(options.payloadBytesMax);
    this.#repeatsTail = options.streamRoom === undefined;
    if (options.streamRoom !== undefined) {
      // Streams take any size, so there is nothing to find out.
      this.#provenBytes = options.payloadBytesMax;
      this.#probes.giveUp();
    }
  }

  get payloadBytes(): number {
    return this.#payloadBytes;
  }
  /** Bytes of a whole packet with a full payload. */
  get packetBytes(): number {
    return this.#payloadBytes + PACKET_OVERHEAD_BYTES;
  }
  /** Whether data or a message waits to leave. */
  get waiting(): boolean {
    return this.outbox.ready || this.stream.ready;
  }
  get ready(): boolean {
    return this.waiting || this.#pingDue;
  }
  /** Whether the content filled in last is data. */
  get isData(): boolean {
    return this.content.kind === CONTENT_DATA;
  }

  get isScout(): boolean {
    return this.content.kind === CONTENT_SCOUT;
  }
  /** Whether only what is missing of the last chunks is still to be sent. */
  get atTail(): boolean {
    return this.#draining && this.outbox.freshCount === 0;
  }

  ping(): void {
    this.#pingDue = true;
  }

  /** Says that no more chunks follow for now, so that an idle link may repeat the tail. */
  setDraining(draining: boolean): void {
    this.#draining = draining;
    this.outbox.setDraining(draining);
  }

  /** From when the tail may be sent once more, with nothing else to send; Infinity while it may not. */
  tailAt(rttUs: number): number {
    const mayRepeat = this.#draining && this.#repeatsTail;
    if (!mayRepeat || this.outbox.ready || this.outbox.size === 0) return Infinity;
    return this.#tailRepeatedAt + tailPauseUs(rttUs);
  }

  repeatTail(now: number): void {
    this.#tailRepeatedAt = now;
    this.outbox.repeatTail();
  }

  /** Something is to ask the peer for an answer: what it may be missing, or else a ping. */
  ask(alsoPing: boolean): void {
    if (!this.outbox.ready) this.outbox.repeatTail();
    if (!this.stream.ready) this.stream.repeat();
    if (alsoPing || !this.waiting) this.#pingDue = true;
  }

  /**
   * Fills in the next frame.
   *
   * @param cell Arena offset for the payload of a message.
   * @param probeRttUs Round trip, where the path may be probed; otherwise 0.
   * @returns False when nothing is to be sent.
   */
  next(cell: number, now: number, probeRttUs: number): boolean {
    if (this.#pingDue) {
      this.#pingDue = false;
      setFrame(this.#frame, FRAME.ping, 0);
      this.#frame.offset = this.#paddingOffset;
      setContent(this.content, CONTENT_PING, 0);
      return true;
    }
    if (this.stream.ready) return this.#nextStream(cell, now);
    if (probeRttUs > 0 && this.outbox.ready && this.#nextProbe(now, probeRttUs)) return true;
    return this.outbox.next(this.#frame, this.content);
  }

  /**
   * Sends a train of padding, when the path is to be measured and nothing else is there to send.
   *
   * @param limits `room` for packets, and packets of a `train`; 0 where there is nothing to find out.
   * @param push Puts the frame into the batch; returns the packet's number.
   */
  fillScout(
    limits: { readonly room: number; readonly now: number; readonly train: number },
    push: () => number,
  ): void {
    if (this.outbox.size > 0 || limits.train === 0) this.scout.stop();
    if (limits.now < this.scout.dueAt || limits.room < limits.train) return;
    let last = -1;
    for (let index = 0; index < limits.train; index += 1) {
      setFrame(this.#frame, FRAME.probe, this.#payloadBytes);
      this.#frame.index = index + 1;
      this.#frame.offset = this.#paddingOffset;
      setContent(this.content, CONTENT_SCOUT, 0);
      last = push();
    }
    this.scout.sent(last, limits.now);
  }

  acked(content: PacketContent): void {
    if (content.kind === CONTENT_DATA) this.outbox.acked(content);
    else if (content.kind === CONTENT_STREAM) this.stream.acked(content.ref, content.serial);
    else if (content.kind === CONTENT_PROBE && this.#probes.acked(content.ref)) {
      this.#provenBytes = content.ref;
    }
  }

  lost(content: PacketContent): void {
    if (content.kind === CONTENT_DATA) this.outbox.lost(content);
    else if (content.kind === CONTENT_STREAM) this.stream.lost(content.ref, content.serial);
  }

  /**
   * Uses the largest packets that the path takes and that do not make a low ceiling coarse.
   *
   * @param ceiling Bytes per microsecond.
   * @returns Whether the size has changed.
   */
  fitPayload(ceiling: number): boolean {
    const bytes = fittingPayload(Math.min(this.#provenBytes, ceiling * CEILING_PACKET_US));
    return bytes !== this.#payloadBytes && this.#usePayload(bytes);
  }

  /** The path has stopped taking large packets. @returns Whether the size has changed. */
  shrinkPayload(): boolean {
    if (this.#payloadBytes <= PAYLOAD_BYTES_START) return false;
    this.#provenBytes = PAYLOAD_BYTES_START;
    this.#usePayload(PAYLOAD_BYTES_START);
    this.#probes.giveUp();
    this.outbox.repacketize();
    return true;
  }

  #usePayload(bytes: number): true {
    this.#payloadBytes = bytes;
    this.outbox.setPayloadBytes(bytes);
    return true;
  }

  #nextStream(cell: number, now: number): boolean {
    const taken = this.stream.take(CONTROL_BYTES_MAX, this.#arena, { at: cell, now });
    if (taken === null) return false;
    setFrame(this.#frame, FRAME.stream, taken.range.end - taken.range.start);
    setPosition(this.#frame, taken.range.start);
    this.#frame.offset = cell;
    setContent(this.content, CONTENT_STREAM, taken.ref);
    this.content.serial = taken.serial;
    return true;
  }

  #nextProbe(now: number, rttUs: number): boolean {
    const bytes = this.#probes.next(now, rttUs);
    if (bytes === 0) return false;
    setFrame(this.#frame, FRAME.probe, bytes);
    this.#frame.offset = this.#paddingOffset;
    setContent(this.content, CONTENT_PROBE, bytes);
    return true;
  }
}
