/**
 * One flow: an encrypted association with one peer, both ways. It decides which packet leaves when,
 * takes apart what comes in, and tells its owner about chunks and messages. Time comes in as an
 * argument; packets go out through a batch.
 */
import { AckDuty } from './ack-duty.js';
import { readAck } from './ack-frame.js';
import { AnswerWatch } from './answer-watch.js';
import { getU32 } from './bytes.js';
import { type ChunkOutbox, CONTENT_DATA } from './chunk-outbox.js';
import { readClose } from './close-frame.js';
import { ContentQueue } from './content-queue.js';
import { ackContent, ControlFrames } from './control-frames.js';
import type { FlowOptions } from './flow-options.js';
import { Pacer } from './pacer.js';
import { PACKET_OVERHEAD_BYTES, type SendBatch } from './packet-io.js';
import { PacketLedger } from './packet-ledger.js';
import { PacketWriter } from './packet-writer.js';
import { CHALLENGE_BYTES, PathGuard } from './path-guard.js';
import { RateController } from './rate-controller.js';
import { SendGate } from './send-gate.js';
import { type RateControl, StreamRate } from './stream-rate.js';
import { FRAME, fromWords, type ReceivedFrame } from './wire.js';

const KEEPALIVE_US = 8_000_000;
/** Who was receiving data and hears nothing for this long shows itself: its address may be new. */
const LISTEN_US = 1_000_000;
/** A flow without any packet from the peer for this long is dead. */
export const FLOW_SILENCE_MAX_US = 30_000_000;
/** The first packet must come sooner, or the peer has not completed the handshake. */
const FIRST_SILENCE_MAX_US = 10_000_000;
/** Code of the end of a flow that the peer did not accept. */
export const FLOW_CODE_REFUSED = 2;

export class Flow {
  readonly connection: number;
  readonly rate: RateControl;
  /** How far the peer's present address is proven. */
  readonly path = new PathGuard();
  readonly #options: FlowOptions;
  readonly #ledger: PacketLedger;
  readonly #answers: AnswerWatch;
  readonly #acks = new AckDuty();
  readonly #pacer: Pacer;
  readonly #gate: SendGate;
  readonly #writer: PacketWriter;
  readonly #control: ControlFrames;
  readonly #contents: ContentQueue;
  #lastReceivedAt: number;
  #listening = false;
  #closed = false;

  constructor(options: FlowOptions) {
    this.#options = options;
    this.connection = options.connection;
    this.#lastReceivedAt = options.now;
    this.#ledger = new PacketLedger({
      acked: (content) => {
        if (content.kind === CONTENT_DATA) this.#answers.silence.noteDataAcked();
        this.#contents.acked(content);
      },
      lost: (content) => this.#contents.lost(content),
    });
    const parts = { ledger: this.#ledger, path: this.path };
    this.#writer = new PacketWriter(options, parts);
    this.#control = new ControlFrames({ writer: this.#writer, path: this.path }, options);
    this.#contents = new ContentQueue(options, this.#writer.frame);
    this.#answers = new AnswerWatch(this.#ledger, options.now, options.streamRoom);
    this.#gate = options.gate ?? new SendGate();
    const packetBytes = this.#contents.payloadBytes + PACKET_OVERHEAD_BYTES;
    this.#pacer = new Pacer(16 * packetBytes, options.now);
    this.rate =
      options.streamRoom === undefined
        ? new RateController({ ...options, packetBytes })
        : new StreamRate(options);
  }

  get outbox(): ChunkOutbox {
    return this.#contents.outbox;
  }
  get totals(): PacketWriter['totals'] {
    return this.#writer.totals;
  }
  get closed(): boolean {
    return this.#closed;
  }
  get payloadBytes(): number {
    return this.#contents.payloadBytes;
  }
  get bytesInFlight(): number {
    return this.#ledger.bytesInFlight;
  }
  /** Stream bytes waiting to be sent for the first time. */
  get messageBacklogBytes(): number {
    return this.#contents.stream.backlogBytes;
  }
  /** Whether what was sent goes unanswered. */
  get silent(): boolean {
    return this.#answers.silent;
  }
  /** Whether reliable streams, not datagrams, carry it. */
  get overStreams(): boolean {
    return this.#options.streamRoom !== undefined;
  }
  /** Over datagrams: since when nothing that was sent is acknowledged; Infinity while it is. */
  get unansweredSince(): number {
    return this.#answers.silence.since;
  }
  /** Timeouts since the last progress. While there are any, only probes are sent. */
  get timeouts(): number {
    return this.#answers.silence.timeouts;
  }
  get lastReceivedAt(): number {
    return this.#lastReceivedAt;
  }
  /** Highest packet number received: only a newer packet may move the peer's address. */
  get highestReceived(): number {
    return this.#acks.highest;
  }
  /** Number of the next packet, which decides the key epoch. */
  get nextPacketNumber(): number {
    return this.#ledger.next;
  }

  send(message: Uint8Array): void {
    this.#contents.stream.write(message);
  }

  /** Says that no more chunks follow for now, so that an idle link may repeat the tail. */
  setDraining(draining: boolean): void {
    this.#contents.setDraining(draining);
  }

  /** Asks for an ack to be sent soon, because credit has changed. */
  creditChanged(now: number): void {
    this.#acks.hurry(now, this.rate.minRttUs);
  }

  close(code: number, reason: string): void {
    if (!this.#closed) this.#control.close({ code, reason });
  }

  /** The peer has not completed the handshake. Without effect once it has proven that it did. */
  refuse(reason: string): void {
    if (this.#acks.highest < 0) this.#end({ by: 'peer', code: FLOW_CODE_REFUSED, reason });
  }

  /** What carried the flow is gone. */
  abandon(reason: string): void {
    this.#end({ by: 'timeout', code: 0, reason });
  }

  /** Takes one opened packet. */
  receive(frame: ReceivedFrame, bytes: Uint8Array, now: number): void {
    if (this.#closed || this.#acks.has(frame.packetNumber)) return;
    const data = frame.type === FRAME.data || frame.type === FRAME.dataTrain;
    if (data && !this.#options.inbox.receive(frame, bytes)) return;
    if (!this.#acks.note(frame.packetNumber, now)) return;
    this.#lastReceivedAt = now;
    const packetBytes = frame.length + PACKET_OVERHEAD_BYTES;
    this.#writer.noteReceived(packetBytes);
    if (data) {
      this.#listening = true;
      const { packetNumber } = frame;
      const continued = frame.type === FRAME.dataTrain;
      this.#acks.noteData(packetBytes, { now, packetNumber, continued });
      this.#acks.owe(now, this.rate.minRttUs);
      return;
    }
    this.#receiveControl(frame, bytes, now);
  }

  /** Acts on deadlines that have passed. Call before `fill`. */
  tick(now: number): void {
    if (this.#closed) return;
    if (now >= this.#silentUntil()) {
      const seconds = Math.round((now - this.#lastReceivedAt) / 1e6);
      this.#end({ by: 'timeout', code: 0, reason: `nothing was received for ${seconds} s` });
      return;
    }
    if (now >= this.#answers.timeoutAt(this.rate.smoothedRttUs)) this.#onTimeout(now);
    if (now - this.#writer.lastSentAt >= KEEPALIVE_US) this.#contents.ping();
    if (now >= this.#listenUntil()) {
      this.#listening = false;
      this.#contents.ping();
    }
  }

  /** Appends what may leave now. @returns Whether the batch could have taken more of ours. */
  fill(batch: SendBatch, room: number, now: number): void {
    if (this.#closed) return;
    const control = this.#control;
    const end = Math.min(batch.count + room, batch.words.length / 9);
    control.fillPath(batch, end, now);
    if (now >= this.#acks.dueAt && control.pathAllows(0)) {
      const content = ackContent(this.#options.events, this.#contents.stream.receiveLimit);
      control.fillAck(batch, end, { duty: this.#acks, content, now });
    }
    if (control.closing) {
      const said = control.fillClose(batch, end);
      if (said !== null) this.#end({ by: 'us', code: said.code, reason: said.reason });
      return;
    }
    if (this.#contents.fitPayload(Math.min(this.#gate.rate, this.rate.ceiling))) {
      this.#payloadChanged();
    }
    this.#refill(now);
    const window = this.rate.window;
    this.#fillContents(batch, { end, now, window });
    this.#pacer.setWaiting(!this.#pacer.ready && this.#contents.waiting);
    this.#noteIdle(now, window);
  }

  /** When this flow next needs to run, given that `fill` has just been called. */
  deadline(now: number): number {
    if (this.#closed) return Infinity;
    if (this.#control.closing) return now;
    const { silence } = this.#answers;
    const timeoutAt = this.#answers.timeoutAt(this.rate.smoothedRttUs);
    const idleAt = Math.min(timeoutAt, this.#silentUntil(), this.path.deadline);
    // A new address has used up what it gets: only its packets, or time, change that.
    if (!this.#control.pathAllows(this.payloadBytes)) return idleAt;
    if (this.#control.owesEcho) return now;
    const at = Math.min(this.#acks.dueAt, idleAt, this.#listenUntil());
    if (this.#ledger.full) return at;
    if (silence.asking > 0) return now;
    // Streams that are full call back.
    if (this.#options.streamRoom?.() === 0) return at;
    // Behind a full window or a silent path only an ack or a timeout brings news.
    if (silence.timeouts > 0 || this.#ledger.bytesInFlight >= this.rate.window) return at;
    const paced = now + Math.max(this.#pacer.waitUs(this.rate.pacingRate), this.#gate.waitUs());
    if (this.#contents.ready) return Math.min(at, paced);
    const keepaliveAt = this.#writer.lastSentAt + KEEPALIVE_US;
    const tailAt = this.#contents.tailAt(this.rate.smoothedRttUs);
    return Math.min(at, keepaliveAt, Math.max(tailAt, paced));
  }

  #receiveControl(frame: ReceivedFrame, bytes: Uint8Array, now: number): void {
    const payload = () => bytes.subarray(frame.offset, frame.offset + frame.length);
    switch (frame.type) {
      case FRAME.stream:
        this.#acks.owe(now, this.rate.minRttUs);
        this.#receiveStream(fromWords(frame.positionHigh, frame.positionLow), payload());
        break;
      case FRAME.ack:
        this.#receiveAck(frame, bytes, now);
        break;
      case FRAME.state:
        this.#acks.notePeer({
          rttUs: frame.length >= 4 ? getU32(bytes, frame.offset) : 0,
          floor: fromWords(frame.positionHigh, frame.positionLow),
        });
        break;
      case FRAME.probe:
      case FRAME.ping:
        this.#acks.owe(now, this.rate.minRttUs);
        break;
      case FRAME.challenge:
        if (frame.length === CHALLENGE_BYTES) this.#control.challenged(payload().slice());
        break;
      case FRAME.response:
        this.path.prove(payload());
        break;
      case FRAME.close:
        this.#end({ by: 'peer', ...readClose(bytes, frame.offset, frame.length) });
        break;
      default:
        this.close(1, `frame type ${frame.type} is unknown`);
    }
  }

  #receiveStream(start: number, content: Uint8Array): void {
    const arrival = this.#contents.stream.receive(start, content);
    if ('violation' in arrival) {
      this.close(1, arrival.violation);
      return;
    }
    for (const message of arrival.messages) this.#options.events.message(message);
  }

  #receiveAck(frame: ReceivedFrame, bytes: Uint8Array, now: number): void {
    const ack = readAck(bytes, frame.offset, frame.length);
    const top = fromWords(frame.positionHigh, frame.positionLow);
    const summary =
      ack === null
        ? null
        : this.#ledger.acknowledge(
            top,
            { bytes, start: ack.bitmapStart, end: ack.bitmapEnd, delayUs: ack.delayUs },
            now,
          );
    if (ack === null || summary === null) {
      this.close(1, 'an acknowledgement is malformed');
      return;
    }
    this.#contents.stream.raiseSendLimit(ack.streamLimit);
    for (const credit of ack.credits) {
      this.#options.events.credit(credit.channel, credit.chunkLimit);
    }
    this.rate.setPeerCeiling(ack.rateLimit > 0 ? ack.rateLimit / 1000 : Number.POSITIVE_INFINITY);
    if (ack.trainRate > 0) this.rate.noteTrain(ack.trainRate / 1000);
    const progress = summary.ackedPackets > 0;
    const blocked = progress && this.#answers.silence.progress(now, this.outbox.size > 0);
    if (blocked && this.#contents.shrinkPayload()) this.#payloadChanged();
    const { smoothedRttUs } = this.rate;
    this.#ledger.detectLost(smoothedRttUs, summary, this.#answers.patienceUs(smoothedRttUs));
    this.rate.onAck(summary, { now, bytesInFlight: this.#ledger.bytesInFlight });
  }

  #silentUntil(): number {
    const silenceMax = this.#acks.highest < 0 ? FIRST_SILENCE_MAX_US : FLOW_SILENCE_MAX_US;
    return this.#lastReceivedAt + silenceMax;
  }

  #onTimeout(now: number): void {
    const duty = this.#answers.expire(now);
    if (duty === 'wait') return;
    if (duty === 'give up and ask') {
      this.#ledger.loseAll();
      this.rate.onTimeout(now);
    }
    // Small beside large: when only the small one comes back, the path has lost its large packets.
    this.#contents.ask(this.overStreams || this.timeouts > 1);
  }

  #payloadChanged(): void {
    this.rate.setPacketBytes(this.payloadBytes + PACKET_OVERHEAD_BYTES);
  }

  /** Brings what pacer and ceilings allow up to date. */
  #refill(now: number): void {
    const { limitedByCeiling, pacingRate } = this.rate;
    // At a ceiling there is no capacity to be found out, and bursts would exceed it.
    const train = limitedByCeiling ? 0 : this.rate.trainPackets;
    this.#pacer.setTrain(train * (this.payloadBytes + PACKET_OVERHEAD_BYTES));
    if (this.#pacer.refill(pacingRate, now, limitedByCeiling)) this.#ledger.markAppLimited();
    this.#gate.refill(now);
  }

  #fillContents(batch: SendBatch, limits: { end: number; now: number; window: number }): void {
    const { end, now, window } = limits;
    const { silence } = this.#answers;
    const { totals } = this.#writer;
    const bytesUntil = totals.bytesSent + (this.#options.streamRoom?.() ?? Infinity);
    while (batch.count < end && !this.#ledger.full && totals.bytesSent < bytesUntil) {
      const asking = silence.asking > 0;
      if (!this.#control.pathAllows(this.payloadBytes)) break;
      const allowed =
        asking ||
        (silence.timeouts === 0 &&
          this.#pacer.ready &&
          this.#gate.open &&
          this.#ledger.bytesInFlight < window);
      if (!allowed) break;
      if (!this.#fillNext(batch, now)) {
        // Nothing to probe with: the next timeout asks again.
        silence.stopAsking();
        break;
      }
      if (asking) silence.asked();
    }
  }

  #fillNext(batch: SendBatch, now: number): boolean {
    const contents = this.#contents;
    const rttUs = this.rate.smoothedRttUs;
    // Only who sends content has something to say about what is resolved.
    if (contents.ready) this.#control.fillState(batch, { rttUs, floor: this.#ledger.floor }, now);
    if (batch.count * 9 >= batch.words.length) return false;
    const mayProbe = this.timeouts === 0 && this.path.proven;
    if (!contents.next(this.#writer.cell(batch), now, mayProbe ? rttUs : 0)) return false;
    const { frame } = this.#writer;
    if (frame.type === FRAME.data && this.#pacer.inTrain) frame.type = FRAME.dataTrain;
    const calm = this.rate.calm && contents.isData;
    const bytes = this.#writer.push(batch, contents.content, { now, calm });
    this.#pacer.spend(bytes);
    this.#gate.spend(bytes);
    return true;
  }

  #listenUntil(): number {
    return this.#listening ? this.#lastReceivedAt + LISTEN_US : Infinity;
  }

  #noteIdle(now: number, window: number): void {
    const blocked = !this.#pacer.ready || this.#ledger.bytesInFlight >= window;
    if (blocked || this.#contents.waiting) return;
    this.#ledger.markAppLimited();
    const { smoothedRttUs } = this.rate;
    if (this.timeouts === 0 && now >= this.#contents.tailAt(smoothedRttUs)) {
      this.#contents.repeatTail(now);
    }
  }

  #end(end: { by: 'peer' | 'us' | 'timeout'; code: number; reason: string }): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#options.events.closed(end);
  }
}
