/**
 * One flow: an encrypted association with one peer, both ways. It decides which packet leaves when,
 * takes apart what comes in, and tells its owner about chunks and messages. Time comes in as an
 * argument; packets go out through a batch.
 */
import { AckDuty } from './ack-duty.js';
import { readAck } from './ack-frame.js';
import { getU32, putU32 } from './bytes.js';
import { ChunkOutbox, CONTENT_DATA } from './chunk-outbox.js';
import { readClose, writeClose } from './close-frame.js';
import type { FlowOptions } from './flow-options.js';
import {
  CEILING_PACKET_US,
  KEEPALIVE_US,
  LISTEN_US,
  silenceMaxUs,
  statePauseUs,
  streamPatienceUs,
  tailPauseUs,
} from './flow-times.js';
import { MessageStream } from './message-stream.js';
import { Pacer } from './pacer.js';
import { PACKET_OVERHEAD_BYTES, type SendBatch } from './packet-io.js';
import { type AckSummary, type PacketContent, PacketLedger, setContent } from './packet-ledger.js';
import { CHALLENGE_BYTES, PathGuard } from './path-guard.js';
import { PathScout } from './path-scout.js';
import { fittingPayload, ProbeLadder } from './probe-ladder.js';
import { RateController } from './rate-controller.js';
import { SendGate } from './send-gate.js';
import { SilenceWatch } from './silence-watch.js';
import { type RateControl, StreamRate } from './stream-rate.js';
import {
  CONTROL_BYTES_MAX,
  FRAME,
  type FrameFields,
  fromWords,
  newFrame,
  PAYLOAD_BYTES_START,
  pushFrame,
  type ReceivedFrame,
  setFrame,
  setPosition,
} from './wire.js';

/** What a packet carries, beside `CONTENT_DATA`. */
const CONTENT = { stream: 2, probe: 3, ping: 4, scout: 5 } as const;

const CONTROL_PACKET_BYTES = CONTROL_BYTES_MAX + PACKET_OVERHEAD_BYTES;
/** Code of the end of a flow that the peer did not accept. */
export const FLOW_CODE_REFUSED = 2;

export class Flow {
  readonly connection: number;
  readonly outbox: ChunkOutbox;
  readonly rate: RateControl;
  /** How far the peer's present address is proven. */
  readonly path = new PathGuard();
  readonly #options: FlowOptions;
  readonly #ledger: PacketLedger;
  readonly #silence: SilenceWatch;
  readonly #acks = new AckDuty();
  readonly #stream = new MessageStream();
  readonly #pacer: Pacer;
  readonly #gate: SendGate;
  readonly #probes: ProbeLadder;
  readonly #scout = new PathScout();
  readonly #frame: FrameFields = newFrame();
  readonly #content: PacketContent = { kind: 0, ref: 0, serial: 0, index: 0 };
  /** Link totals of this flow: whole packets, headers included. */
  readonly totals = { packetsSent: 0, bytesSent: 0, packetsReceived: 0, bytesReceived: 0 };
  #payloadBytes = PAYLOAD_BYTES_START;
  /** What the path is known to take; less is used at a low ceiling. */
  #provenBytes = PAYLOAD_BYTES_START;
  #stateDueAt = 0;
  #lastReceivedAt: number;
  #lastSentAt: number;
  #pingDue = false;
  #listening = false;
  #draining = false;
  #tailRepeatedAt = 0;
  #streamAskedAt = 0;
  #closing: { code: number; reason: string; left: number } | null = null;
  #closed = false;

  constructor(options: FlowOptions) {
    this.#options = options;
    this.connection = options.connection;
    this.#lastReceivedAt = options.now;
    this.#lastSentAt = options.now;
    this.#silence = new SilenceWatch(options.now);
    this.#stateDueAt = options.now;
    this.outbox = new ChunkOutbox(this.#payloadBytes, options.events);
    this.#ledger = new PacketLedger({
      acked: (content) => this.#contentAcked(content),
      lost: (content) => this.#contentLost(content),
    });
    this.#gate = options.gate ?? new SendGate();
    this.#probes = new ProbeLadder(options.payloadBytesMax);
    const packetBytes = this.#payloadBytes + PACKET_OVERHEAD_BYTES;
    this.#pacer = new Pacer(16 * packetBytes, options.now);
    if (options.streamRoom === undefined) {
      this.rate = new RateController({ ...options, packetBytes });
    } else {
      this.rate = new StreamRate(options);
      // Streams take any size, so there is nothing to find out.
      this.#provenBytes = options.payloadBytesMax;
      this.#probes.giveUp();
    }
  }

  get closed(): boolean {
    return this.#closed;
  }
  get payloadBytes(): number {
    return this.#payloadBytes;
  }
  get bytesInFlight(): number {
    return this.#ledger.bytesInFlight;
  }
  /** Stream bytes waiting to be sent for the first time. */
  get messageBacklogBytes(): number {
    return this.#stream.backlogBytes;
  }
  /** Whether what was sent goes unanswered. */
  get silent(): boolean {
    return this.overStreams ? this.#ledger.packetsInFlight > 0 : this.#silence.timeouts > 1;
  }
  /** Whether reliable streams, not datagrams, carry it. */
  get overStreams(): boolean {
    return this.#options.streamRoom !== undefined;
  }
  /** Over datagrams: since when nothing that was sent is acknowledged; Infinity while it is. */
  get unansweredSince(): number {
    return this.#silence.since;
  }
  /** Timeouts since the last progress. While there are any, only probes are sent. */
  get timeouts(): number {
    return this.#silence.timeouts;
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
    this.#stream.write(message);
  }

  /** Says that much data will follow, so that the path is measured while the peer decides. */
  scoutAhead(now: number): void {
    if (this.rate.trainPackets === 0 || this.#options.rateHint > 0) return;
    this.#scout.start(now, this.rate.minRttUs);
  }

  /** Says that no more chunks follow for now, so that an idle link may repeat the tail. */
  setDraining(draining: boolean): void {
    this.#draining = draining;
    this.outbox.setDraining(draining);
  }

  /** Asks for an ack to be sent soon, because credit has changed. */
  creditChanged(now: number): void {
    this.#acks.hurry(now, this.rate.minRttUs);
  }

  close(code: number, reason: string): void {
    if (this.#closing === null && !this.#closed) this.#closing = { code, reason, left: 3 };
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
    this.totals.packetsReceived += 1;
    this.totals.bytesReceived += frame.length + PACKET_OVERHEAD_BYTES;
    if (data) {
      this.#listening = true;
      this.#acks.noteData(frame.length + PACKET_OVERHEAD_BYTES, {
        now,
        packetNumber: frame.packetNumber,
        continued: frame.type === FRAME.dataTrain,
      });
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
    if (now >= this.#timeoutAt()) this.#onTimeout(now);
    this.#stream.echo(now, !this.overStreams);
    if (now - this.#lastSentAt >= KEEPALIVE_US) this.#pingDue = true;
    if (now >= this.#listenUntil()) {
      this.#listening = false;
      this.#pingDue = true;
    }
  }

  /** Appends what may leave now. @returns Whether the batch could have taken more of ours. */
  fill(batch: SendBatch, room: number, now: number): void {
    if (this.#closed) return;
    const end = Math.min(batch.count + room, batch.words.length / 9);
    this.#fillPath(batch, end, now);
    if (now >= this.#acks.dueAt && this.#pathAllows(0)) this.#fillAck(batch, end, now);
    if (this.#closing !== null) {
      this.#fillClose(batch, end);
      return;
    }
    this.#fitPayload();
    const rate = this.rate.pacingRate;
    // At a ceiling there is no capacity to be found out, and bursts would exceed it.
    const { limitedByCeiling } = this.rate;
    const train = limitedByCeiling ? 0 : this.rate.trainPackets;
    this.#pacer.setTrain(train * (this.#payloadBytes + PACKET_OVERHEAD_BYTES));
    this.#pacer.setLateBurst(this.rate.burstUs);
    if (this.#pacer.refill(rate, now, limitedByCeiling)) this.#ledger.markAppLimited();
    this.#gate.refill(now);
    const window = this.rate.window;
    const { streamRoom } = this.#options;
    const bytesUntil = this.totals.bytesSent + (streamRoom?.() ?? Infinity);
    while (batch.count < end && !this.#ledger.full && this.totals.bytesSent < bytesUntil) {
      const asking = this.#silence.asking > 0;
      if (!this.#pathAllows(this.#payloadBytes)) break;
      const allowed =
        asking ||
        (this.#silence.timeouts === 0 &&
          (this.#pacer.ready || (this.#stream.ready && this.#pacer.solvent)) &&
          this.#gate.open &&
          this.#ledger.bytesInFlight < window);
      if (!allowed) break;
      if (!this.#fillNext(batch, now)) {
        // Nothing to probe with: the next timeout asks again.
        this.#silence.stopAsking();
        break;
      }
      if (asking) this.#silence.asked();
    }
    this.#fillScout(batch, end, now);
    this.#pacer.setWaiting(!this.#pacer.ready && (this.outbox.ready || this.#stream.ready));
    this.#noteIdle(now, window);
  }

  /** When this flow next needs to run, given that `fill` has just been called. */
  deadline(now: number): number {
    if (this.#closed) return Infinity;
    if (this.#closing !== null) return now;
    const idleAt = Math.min(this.#timeoutAt(), this.#silentUntil(), this.path.deadline);
    // A new address has used up what it gets: only its packets, or time, change that.
    if (!this.#pathAllows(this.#payloadBytes)) return idleAt;
    if (this.path.answers) return now;
    const at = Math.min(this.#acks.dueAt, idleAt, this.#listenUntil(), this.#stream.echoAt);
    if (this.#ledger.full) return at;
    if (this.#silence.asking > 0) return now;
    // Streams that are full call back.
    if (this.#options.streamRoom?.() === 0) return at;
    // Behind a full window or a silent path only an ack or a timeout brings news.
    if (this.#silence.timeouts > 0 || this.#ledger.bytesInFlight >= this.rate.window) return at;
    const paced = now + Math.max(this.#pacer.waitUs(this.rate.pacingRate), this.#gate.waitUs());
    if (this.outbox.ready || this.#stream.ready || this.#pingDue) return Math.min(at, paced);
    if (this.#scout.dueAt < Infinity) return Math.min(at, this.#scout.dueAt);
    const keepaliveAt = this.#lastSentAt + KEEPALIVE_US;
    return Math.min(at, keepaliveAt, Math.max(this.#tailAt(), paced));
  }

  #receiveControl(frame: ReceivedFrame, bytes: Uint8Array, now: number): void {
    switch (frame.type) {
      case FRAME.stream:
        this.#acks.owe(now, this.rate.minRttUs);
        this.#receiveStream(frame, bytes);
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
        this.path.challenged(bytes.subarray(frame.offset, frame.offset + frame.length));
        break;
      case FRAME.response:
        this.path.prove(bytes.subarray(frame.offset, frame.offset + frame.length));
        break;
      case FRAME.close:
        this.#end({ by: 'peer', ...readClose(bytes, frame.offset, frame.length) });
        break;
      default:
        this.close(1, `frame type ${frame.type} is unknown`);
    }
  }

  #receiveStream(frame: ReceivedFrame, bytes: Uint8Array): void {
    const start = fromWords(frame.positionHigh, frame.positionLow);
    const content = bytes.subarray(frame.offset, frame.offset + frame.length);
    const arrival = this.#stream.receive(start, content);
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
    this.#stream.raiseSendLimit(ack.streamLimit);
    for (const credit of ack.credits) {
      this.#options.events.credit(credit.channel, credit.chunkLimit);
    }
    this.rate.setPeerCeiling(ack.rateLimit > 0 ? ack.rateLimit / 1000 : Number.POSITIVE_INFINITY);
    if (ack.trainRate > 0) this.rate.noteTrain(ack.trainRate / 1000);
    this.#afterAck(summary, now);
  }

  #afterAck(summary: AckSummary, now: number): void {
    if (summary.ackedPackets > 0) this.#noteProgress(now);
    const patience = this.overStreams ? streamPatienceUs(this.rate.smoothedRttUs) : 0;
    // At the end nothing is left to do but to wait for what is missing, so it is asked for early.
    const isTail = this.#draining && this.outbox.freshCount === 0;
    this.#ledger.detectLost(isTail ? 0 : this.rate.smoothedRttUs, summary, patience);
    if (this.#scout.covers(this.#ledger.largestAcked)) return;
    this.rate.onAck(summary, { now, bytesInFlight: this.#ledger.bytesInFlight });
  }

  #silentUntil(): number {
    return this.#lastReceivedAt + silenceMaxUs(this.#acks.highest);
  }

  #timeoutAt(): number {
    if (this.#ledger.packetsInFlight === 0) return Infinity;
    if (this.overStreams) {
      const since = Math.max(this.#streamAskedAt, this.#ledger.oldestSentAt);
      return since + streamPatienceUs(this.rate.smoothedRttUs);
    }
    return this.#silence.timeoutAt({
      rttUs: this.rate.smoothedRttUs,
      oldestSentAt: this.#ledger.oldestSentAt,
    });
  }

  #onTimeout(now: number): void {
    if (this.overStreams) {
      this.#streamAskedAt = now;
      // Full streams have only not been read yet.
      if (this.#options.streamRoom?.() === 0) return;
      if (!this.outbox.ready) this.outbox.repeatTail();
      if (!this.#stream.ready) this.#stream.repeat();
      this.#pingDue = true;
      return;
    }
    if (this.#silence.expire(now)) {
      this.#ledger.loseAll();
      this.rate.onTimeout(now);
    }
    if (!this.outbox.ready) this.outbox.repeatTail();
    if (!this.#stream.ready) this.#stream.repeat();
    // Small beside large: when only the small one comes back, the path has lost its large packets.
    const nothing = !this.outbox.ready && !this.#stream.ready;
    if (this.#silence.timeouts > 1 || nothing) this.#pingDue = true;
  }

  #noteProgress(now: number): void {
    const blocked = this.#silence.progress(now, this.outbox.size > 0);
    if (blocked && this.#payloadBytes > PAYLOAD_BYTES_START) {
      this.#provenBytes = PAYLOAD_BYTES_START;
      this.#usePayload(PAYLOAD_BYTES_START);
      this.#probes.giveUp();
      this.outbox.repacketize();
    }
  }

  #fillNext(batch: SendBatch, now: number): boolean {
    const frame = this.#frame;
    // Only who sends content has something to say about what is resolved.
    const content = this.outbox.ready || this.#stream.ready || this.#pingDue;
    if (content && now >= this.#stateDueAt) this.#fillState(batch, now);
    if (batch.count * 9 >= batch.words.length) return false;
    if (this.#pingDue) {
      this.#pingDue = false;
      setFrame(this.#frame, FRAME.ping, 0);
      frame.offset = this.#options.paddingOffset;
      setContent(this.#content, CONTENT.ping, 0);
    } else if (this.#stream.ready) {
      if (!this.#fillStream(batch, now)) return false;
    } else if (!this.#fillProbe(now)) {
      if (!this.outbox.next(frame, this.#content)) return false;
      if (this.#pacer.inTrain) frame.type = FRAME.dataTrain;
    }
    this.#push(batch, now);
    return true;
  }

  /** A train of padding, when the path is to be measured and nothing else is there to send. */
  #fillScout(batch: SendBatch, end: number, now: number): void {
    const { limitedByCeiling, trainPackets: train } = this.rate;
    if (limitedByCeiling || this.outbox.size > 0 || !this.path.proven) this.#scout.stop();
    if (now < this.#scout.dueAt || batch.count + train > end) return;
    for (let index = 0; index < train; index += 1) {
      setFrame(this.#frame, FRAME.probe, this.#payloadBytes);
      this.#frame.index = index + 1;
      this.#frame.offset = this.#options.paddingOffset;
      setContent(this.#content, CONTENT.scout, 0);
      this.#push(batch, now);
    }
    this.#scout.sent(this.#ledger.next - 1, now);
  }

  #fillProbe(now: number): boolean {
    if (this.#silence.timeouts > 0 || !this.outbox.ready || !this.path.proven) return false;
    const bytes = this.#probes.next(now, this.rate.smoothedRttUs);
    if (bytes === 0) return false;
    setFrame(this.#frame, FRAME.probe, bytes);
    this.#frame.offset = this.#options.paddingOffset;
    setContent(this.#content, CONTENT.probe, bytes);
    return true;
  }

  #push(batch: SendBatch, now: number): void {
    const bytes = this.#frame.length + PACKET_OVERHEAD_BYTES;
    const packetNumber = this.#ledger.record(this.#content, {
      bytes,
      now,
      calm: this.rate.calm && this.#content.kind === CONTENT_DATA,
    });
    pushFrame(batch, { connection: this.connection, packetNumber }, this.#frame);
    if (this.#content.kind !== CONTENT.scout) this.#pacer.spend(bytes);
    this.#gate.spend(bytes);
    this.path.spend(bytes);
    this.totals.packetsSent += 1;
    this.totals.bytesSent += bytes;
    this.#lastSentAt = now;
  }

  #fillStream(batch: SendBatch, now: number): boolean {
    const offset = this.#cell(batch);
    const taken = this.#stream.take(CONTROL_BYTES_MAX, this.#options.arena, { at: offset, now });
    if (taken === null) return false;
    setFrame(this.#frame, FRAME.stream, taken.range.end - taken.range.start);
    setPosition(this.#frame, taken.range.start);
    this.#frame.offset = offset;
    setContent(this.#content, CONTENT.stream, taken.ref);
    this.#content.serial = taken.serial;
    return true;
  }

  #fillState(batch: SendBatch, now: number): void {
    const offset = this.#cell(batch);
    putU32(this.#options.arena, offset, Math.min(0xffff_ffff, Math.round(this.rate.smoothedRttUs)));
    setFrame(this.#frame, FRAME.state, 4);
    setPosition(this.#frame, this.#ledger.floor);
    this.#frame.offset = offset;
    this.#pushUnrecorded(batch);
    this.#stateDueAt = now + statePauseUs(this.rate.smoothedRttUs);
  }

  #fillAck(batch: SendBatch, end: number, now: number): void {
    const { events, arena } = this.#options;
    const content = {
      streamLimit: this.#stream.receiveLimit,
      credits: events.credits(),
      rateLimit: events.receiveRateMax?.() ?? Number.POSITIVE_INFINITY,
    };
    this.#acks.write(content, now, {
      bytes: arena,
      cell: () => (batch.count < end && this.#pathAllows(0) ? this.#cell(batch) : -1),
      push: (length, top) => {
        this.#frame.offset = this.#cell(batch);
        setFrame(this.#frame, FRAME.ack, length);
        setPosition(this.#frame, top);
        this.#pushUnrecorded(batch);
      },
    });
  }

  #fillClose(batch: SendBatch, end: number): void {
    const closing = this.#closing as { code: number; reason: string; left: number };
    // Nobody is told the end of a flow at an address that may not be its own.
    if (!this.path.proven) closing.left = 0;
    while (closing.left > 0 && batch.count < end) {
      const offset = this.#cell(batch);
      const length = writeClose(this.#options.arena, offset, closing);
      setFrame(this.#frame, FRAME.close, length);
      this.#frame.offset = offset;
      this.#pushUnrecorded(batch);
      closing.left -= 1;
    }
    if (closing.left === 0) this.#end({ by: 'us', code: closing.code, reason: closing.reason });
  }

  #pushUnrecorded(batch: SendBatch): void {
    const packetNumber = this.#ledger.takeUnrecorded();
    this.totals.packetsSent += 1;
    this.totals.bytesSent += this.#frame.length + PACKET_OVERHEAD_BYTES;
    this.path.spend(this.#frame.length + PACKET_OVERHEAD_BYTES);
    pushFrame(batch, { connection: this.connection, packetNumber }, this.#frame);
  }

  /** Challenges the peer's new address, and echoes what the peer asks of ours. */
  #fillPath(batch: SendBatch, end: number, now: number): void {
    while (batch.count < end) {
      const proof = this.path.next(now);
      if (proof === null) return;
      const offset = this.#cell(batch);
      this.#options.arena.set(proof.bytes, offset);
      setFrame(this.#frame, proof.isAnswer ? FRAME.response : FRAME.challenge, CHALLENGE_BYTES);
      this.#frame.offset = offset;
      this.#pushUnrecorded(batch);
    }
  }

  /** Whether a packet may leave, and an ack or state frame beside it. */
  #pathAllows(payloadBytes: number): boolean {
    return this.path.allows(CONTROL_PACKET_BYTES + payloadBytes + PACKET_OVERHEAD_BYTES);
  }

  #listenUntil(): number {
    return this.#listening ? this.#lastReceivedAt + LISTEN_US : Infinity;
  }

  /** The scratch cell of the batch's next position; free again once the batch has left. */
  #cell(batch: SendBatch): number {
    return this.#options.scratchOffset + batch.count * CONTROL_BYTES_MAX;
  }

  #noteIdle(now: number, window: number): void {
    const blocked = !this.#pacer.ready || this.#ledger.bytesInFlight >= window;
    if (blocked || this.outbox.ready || this.#stream.ready) return;
    this.#ledger.markAppLimited();
    if (now < this.#tailAt()) return;
    this.#tailRepeatedAt = now;
    this.outbox.repeatTail();
  }

  /** When the unacknowledged tail is to be repeated; Infinity when it is not. */
  #tailAt(): number {
    if (!this.#draining || this.overStreams || this.#silence.timeouts > 0) return Infinity;
    if (this.outbox.ready || this.outbox.size === 0) return Infinity;
    return this.#tailRepeatedAt + tailPauseUs(this.rate.smoothedRttUs);
  }

  #contentAcked(content: PacketContent): void {
    if (content.kind === CONTENT_DATA) {
      this.#silence.noteDataAcked();
      this.outbox.acked(content);
    } else if (content.kind === CONTENT.stream) {
      this.#stream.acked(content.ref, content.serial);
    } else if (content.kind === CONTENT.probe && this.#probes.acked(content.ref)) {
      this.#provenBytes = content.ref;
    }
  }

  #contentLost(content: PacketContent): void {
    if (content.kind === CONTENT_DATA) this.outbox.lost(content);
    else if (content.kind === CONTENT.stream) this.#stream.lost(content.ref, content.serial);
  }

  /** Uses the largest packets that the path takes and that do not make a low ceiling coarse. */
  #fitPayload(): void {
    const ceiling = Math.min(this.#gate.rate, this.rate.ceiling);
    const bytes = fittingPayload(Math.min(this.#provenBytes, ceiling * CEILING_PACKET_US));
    if (bytes !== this.#payloadBytes) this.#usePayload(bytes);
  }

  #usePayload(bytes: number): void {
    this.#payloadBytes = bytes;
    this.outbox.setPayloadBytes(bytes);
    this.rate.setPacketBytes(bytes + PACKET_OVERHEAD_BYTES);
  }

  #end(end: { by: 'peer' | 'us' | 'timeout'; code: number; reason: string }): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#options.events.closed(end);
  }
}
