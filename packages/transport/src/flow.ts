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
import { ControlFrames } from './control-frames.js';
import type { FlowOptions } from './flow-options.js';
import { KEEPALIVE_US, LISTEN_US, silenceMaxUs } from './flow-times.js';
import { Pacer } from './pacer.js';
import { PACKET_OVERHEAD_BYTES, type SendBatch } from './packet-io.js';
import { PacketLedger } from './packet-ledger.js';
import { PacketWriter } from './packet-writer.js';
import { PathGuard } from './path-guard.js';
import { RateController } from './rate-controller.js';
import { SendGate } from './send-gate.js';
import { type RateControl, StreamRate } from './stream-rate.js';
import { FRAME, fromWords, isData, type ReceivedFrame } from './wire.js';

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
    this.#writer = new PacketWriter(options, this.#ledger, this.path);
    this.#contents = new ContentQueue(options, this.#writer.frame);
    const { stream, packetBytes } = this.#contents;
    const parts = { writer: this.#writer, path: this.path, acks: this.#acks, stream };
    this.#control = new ControlFrames(options, parts);
    this.#answers = new AnswerWatch(this.#ledger, options.now, options.streamRoom);
    this.#gate = options.gate ?? new SendGate();
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

  /** Says that much data will follow, so that the path is measured while the peer decides. */
  scoutAhead(now: number): void {
    if (this.rate.trainPackets === 0 || this.#options.rateHint > 0) return;
    this.#contents.scout.start(now, this.rate.minRttUs);
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
    const data = isData(frame);
    if (data && !this.#options.inbox.receive(frame, bytes)) return;
    if (!this.#acks.note(frame.packetNumber, now)) return;
    this.#lastReceivedAt = now;
    const packetBytes = frame.length + PACKET_OVERHEAD_BYTES;
    this.#writer.noteReceived(packetBytes);
    if (data) {
      this.#listening = true;
      const continued = frame.type === FRAME.dataTrain;
      this.#acks.noteData(packetBytes, { now, packetNumber: frame.packetNumber, continued });
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
    this.#contents.stream.echo(now, !this.overStreams);
    if (now - this.#writer.lastSentAt >= KEEPALIVE_US) this.#contents.ping();
    if (now >= this.#listenUntil()) {
      this.#listening = false;
      this.#contents.ping();
    }
  }

  /** Appends what may leave now. */
  fill(batch: SendBatch, room: number, now: number): void {
    if (this.#closed) return;
    const end = Math.min(batch.count + room, batch.words.length / 9);
    this.#control.fillPath(batch, end, now);
    this.#control.fillAck(batch, end, now);
    if (this.#control.closing) {
      const said = this.#control.fillClose(batch, end);
      if (said !== null) this.#end({ by: 'us', code: said.code, reason: said.reason });
      return;
    }
    const ceiling = Math.min(this.#gate.rate, this.rate.ceiling);
    if (this.#contents.fitPayload(ceiling)) this.rate.setPacketBytes(this.#contents.packetBytes);
    const { window, pacingRate, limitedByCeiling } = this.rate;
    // At a ceiling there is no capacity to be found out, and bursts would exceed it.
    const train = limitedByCeiling ? 0 : this.rate.trainPackets;
    this.#pacer.setTrain(train * this.#contents.packetBytes);
    this.#pacer.fitPath(this.rate.burstUs, this.rate.minRttUs);
    if (this.#pacer.refill(pacingRate, now, limitedByCeiling)) this.#ledger.markAppLimited();
    this.#gate.refill(now);
    this.#fillContents(batch, { end, now, window });
    const scout = { room: end - batch.count, now, train: this.path.proven ? train : 0 };
    this.#contents.fillScout(scout, () => this.#push(batch, now));
    this.#pacer.setWaiting(!this.#pacer.ready && this.#contents.waiting);
    this.#noteIdle(now, window);
  }

  /** When this flow next needs to run, given that `fill` has just been called. */
  deadline(now: number): number {
    if (this.#closed) return Infinity;
    if (this.#control.closing) return now;
    const timeoutAt = this.#answers.timeoutAt(this.rate.smoothedRttUs);
    const idleAt = Math.min(timeoutAt, this.#silentUntil(), this.path.deadline);
    // A new address has used up what it gets: only its packets, or time, change that.
    if (!this.#control.pathAllows(this.payloadBytes)) return idleAt;
    if (this.path.answers) return now;
    const { echoAt } = this.#contents.stream;
    const at = Math.min(this.#acks.dueAt, idleAt, this.#listenUntil(), echoAt);
    if (this.#ledger.full) return at;
    if (this.#answers.silence.asking > 0) return now;
    // Streams that are full call back.
    if (this.#options.streamRoom?.() === 0) return at;
    // Behind a full window or a silent path only an ack or a timeout brings news.
    if (this.timeouts > 0 || this.#ledger.bytesInFlight >= this.rate.window) return at;
    const paced = now + Math.max(this.#pacer.waitUs(this.rate.pacingRate), this.#gate.waitUs());
    if (this.#contents.ready) return Math.min(at, paced);
    const keepaliveAt = this.#writer.lastSentAt + KEEPALIVE_US;
    const tailAt = this.#contents.tailAt(this.rate.smoothedRttUs);
    return Math.min(at, keepaliveAt, this.#contents.scout.dueAt, Math.max(tailAt, paced));
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
        this.#acks.noteScout(frame, now);
        this.#acks.owe(now, this.rate.minRttUs);
        break;
      case FRAME.ping:
        this.#acks.owe(now, this.rate.minRttUs);
        break;
      case FRAME.challenge:
        this.path.challenged(payload());
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
    if ('violation' in arrival) this.close(1, arrival.violation);
    else for (const message of arrival.messages) this.#options.events.message(message);
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
    if (blocked && this.#contents.shrinkPayload()) {
      this.rate.setPacketBytes(this.#contents.packetBytes);
    }
    const rttUs = this.rate.smoothedRttUs;
    // At the end nothing is left to do but to wait for what is missing, so it is asked for early.
    const reorderUs = this.#contents.atTail ? 0 : rttUs;
    this.#ledger.detectLost(reorderUs, summary, this.#answers.patienceUs(rttUs));
    if (this.#contents.scout.covers(this.#ledger.largestAcked)) return;
    this.rate.onAck(summary, { now, bytesInFlight: this.#ledger.bytesInFlight });
  }

  #silentUntil(): number {
    return this.#lastReceivedAt + silenceMaxUs(this.#acks.highest);
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
          (this.#pacer.ready || (this.#contents.stream.ready && this.#pacer.solvent)) &&
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
    if (contents.ready && this.#control.stateDue(now)) {
      this.#control.fillState(batch, { rttUs, floor: this.#ledger.floor }, now);
    }
    if (batch.count * 9 >= batch.words.length) return false;
    const mayProbe = this.timeouts === 0 && this.path.proven;
    if (!contents.next(this.#writer.cell(batch), now, mayProbe ? rttUs : 0)) return false;
    const { frame } = this.#writer;
    if (frame.type === FRAME.data && this.#pacer.inTrain) frame.type = FRAME.dataTrain;
    this.#push(batch, now);
    return true;
  }

  /** @returns The packet's number. */
  #push(batch: SendBatch, now: number): number {
    const { content, isData: data, isScout } = this.#contents;
    const bytes = this.#writer.push(batch, content, { now, calm: this.rate.calm && data });
    if (!isScout) this.#pacer.spend(bytes);
    this.#gate.spend(bytes);
    return this.#ledger.next - 1;
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
