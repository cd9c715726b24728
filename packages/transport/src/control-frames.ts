/**
 * The frames of a flow that are not acknowledged: acknowledgements, state, the proof of an address, and
 * the last words. Each is sent again with newer content where that matters.
 */
import type { AckContent, AckDuty } from './ack-duty.js';
import { putU32 } from './bytes.js';
import { writeClose } from './close-frame.js';
import type { FlowOptions } from './flow-options.js';
import { statePauseUs } from './flow-times.js';
import type { MessageStream } from './message-stream.js';
import { PACKET_OVERHEAD_BYTES, type SendBatch } from './packet-io.js';
import type { PacketWriter } from './packet-writer.js';
import type { PathGuard } from './path-guard.js';
import { CONTROL_BYTES_MAX, FRAME, setFrame, setPosition } from './wire.js';

const CONTROL_PACKET_BYTES = CONTROL_BYTES_MAX + PACKET_OVERHEAD_BYTES;
const STATE_BYTES = 4;
/** Times that the end of a flow is said: nobody acknowledges it. */
const CLOSE_PACKETS = 3;

export interface FlowEnd {
  readonly code: number;
  readonly reason: string;
}

export class ControlFrames {
  readonly #writer: PacketWriter;
  readonly #path: PathGuard;
  readonly #acks: AckDuty;
  readonly #stream: MessageStream;
  readonly #options: FlowOptions;
  #stateDueAt: number;
  #closing: (FlowEnd & { left: number }) | null = null;

  constructor(
    options: FlowOptions,
    parts: {
      readonly writer: PacketWriter;
      readonly path: PathGuard;
      readonly acks: AckDuty;
      readonly stream: MessageStream;
    },
  ) {
    this.#options = options;
    this.#writer = parts.writer;
    this.#path = parts.path;
    this.#acks = parts.acks;
    this.#stream = parts.stream;
    this.#stateDueAt = options.now;
  }

  /** Whether a packet may leave for the peer's address, and an ack or state frame beside it. */
  pathAllows(payloadBytes: number): boolean {
    return this.#path.allows(CONTROL_PACKET_BYTES + payloadBytes + PACKET_OVERHEAD_BYTES);
  }

  /** Challenges the peer's new address, and echoes what the peer asks of ours. */
  fillPath(batch: SendBatch, end: number, now: number): void {
    while (batch.count < end) {
      const proof = this.#path.next(now);
      if (proof === null) return;
      const type = proof.isAnswer ? FRAME.response : FRAME.challenge;
      this.#options.arena.set(proof.bytes, this.#writer.cell(batch));
      this.#push(batch, { type, length: proof.bytes.length, position: 0 });
    }
  }

  /** Acknowledges what came in, when that is due. */
  fillAck(batch: SendBatch, end: number, now: number): void {
    if (now < this.#acks.dueAt || !this.pathAllows(0)) return;
    const { events, arena } = this.#options;
    const content: AckContent = {
      streamLimit: this.#stream.receiveLimit,
      credits: events.credits(),
      rateLimit: events.receiveRateMax?.() ?? Number.POSITIVE_INFINITY,
    };
    this.#acks.write(content, now, {
      bytes: arena,
      cell: () => (batch.count < end && this.pathAllows(0) ? this.#writer.cell(batch) : -1),
      push: (length, top) => this.#push(batch, { type: FRAME.ack, length, position: top }),
    });
  }

  /** Whether it is time for `fillState`. */
  stateDue(now: number): boolean {
    return now >= this.#stateDueAt;
  }

  /** Says what the peer's acknowledgements depend on. */
  fillState(
    batch: SendBatch,
    state: { readonly rttUs: number; readonly floor: number },
    now: number,
  ): void {
    const rttUs = Math.min(0xffff_ffff, Math.round(state.rttUs));
    putU32(this.#options.arena, this.#writer.cell(batch), rttUs);
    this.#push(batch, { type: FRAME.state, length: STATE_BYTES, position: state.floor });
    this.#stateDueAt = now + statePauseUs(state.rttUs);
  }

  get closing(): boolean {
    return this.#closing !== null;
  }

  close(end: FlowEnd): void {
    this.#closing ??= { ...end, left: CLOSE_PACKETS };
  }

  /** @returns The end, once it has been said. */
  fillClose(batch: SendBatch, end: number): FlowEnd | null {
    const closing = this.#closing;
    if (closing === null) return null;
    // Nobody is told the end of a flow at an address that may not be its own.
    if (!this.#path.proven) closing.left = 0;
    while (closing.left > 0 && batch.count < end) {
      const length = writeClose(this.#options.arena, this.#writer.cell(batch), closing);
      this.#push(batch, { type: FRAME.close, length, position: 0 });
      closing.left -= 1;
    }
    return closing.left === 0 ? closing : null;
  }

  /** Pushes a frame whose payload lies in the batch's next cell. */
  #push(batch: SendBatch, fields: { type: number; length: number; position: number }): void {
    const { frame } = this.#writer;
    setFrame(frame, fields.type, fields.length);
    setPosition(frame, fields.position);
    frame.offset = this.#writer.cell(batch);
    this.#writer.pushUnrecorded(batch);
  }
}
