/**
 * Everything behind one UDP socket: tells clear packets from sealed ones, runs handshakes, keeps
 * the keys of each flow ahead of its packet numbers, and shares the socket between flows. Driven by
 * `step`, with time as an argument.
 */
import { sameBytes } from './bytes.js';
import { CLEAR_KIND, type ClearPacket, decodeClear } from './clear-packet.js';
import { encodeRefusal, encodeRetry, refusalReason, startsHandshake } from './clear-replies.js';
import { type Connection, type FixedConnection, newConnection } from './connection.js';
import { freeConnectionId } from './connection-id.js';
import { CryptoExchange } from './crypto-exchange.js';
import { discoverIdOf, encodeDiscover } from './discover-packet.js';
import type { ConnectOptions, EndpointOptions } from './endpoint-options.js';
import { Flow } from './flow.js';
import { mayHandshake } from './handshake-source.js';
import {
  BATCH_PACKETS_MAX,
  CLEAR_HANDLE,
  CONNECTIONS_MAX,
  PACKET_OVERHEAD_BYTES,
  type PeerAddress,
  type SendBatch,
} from './packet-io.js';
import { newChallenge } from './path-guard.js';
import { BatchPeers, originKeyOf, sameAddress } from './peer-address.js';
import type { KeySchedule } from './secure-channel.js';
import {
  CONTROL_BYTES_MAX,
  isData,
  isTimed,
  newReceivedFrame,
  newSendBatch,
  PAYLOAD_LADDER,
  readFrame,
} from './wire.js';

/** Arena bytes that the endpoint needs for control payloads and padding. */
export const ENDPOINT_SCRATCH_BYTES = BATCH_PACKETS_MAX * CONTROL_BYTES_MAX + 32 * 1024;

const HANDSHAKE_TIMEOUT_US = 10_000_000;
/** Handshakes under way at once; further ones are ignored. */
export const HANDSHAKES_MAX = 1024;
/** Above this many, a client must prove its address by a cookie first. */
const COOKIE_ABOVE = 64;
/** The server needs a moment to verify the client's last handshake message. */
const FIRST_SEALED_PAUSE_US = 3000;
const FLOW_ROOM = 64;

export class Endpoint {
  readonly #options: EndpointOptions;
  readonly #byLocalId = new Map<number, Connection>();
  readonly #byOrigin = new Map<string, Connection>();
  readonly #byHandle: (Connection | undefined)[] = [];
  /** Connections whose handshake bytes may still need repeating. */
  readonly #exchanging = new Set<Connection>();
  #flows: Connection[] = [];
  readonly #batch: SendBatch = newSendBatch();
  readonly #frame = newReceivedFrame();
  readonly #peers: BatchPeers;
  readonly #epochPackets: number;
  #turn = 0;
  #now = 0;
  #handshakes = 0;
  #trainAt = -Infinity;
  #dataAt = -Infinity;

  constructor(options: EndpointOptions) {
    this.#options = options;
    this.#peers = new BatchPeers(options.io);
    this.#epochPackets = 2 ** options.keyEpochShift;
  }

  get flowCount(): number {
    return this.#flows.length;
  }

  /** When a packet of a timed train came in last, on the clock of `step`. */
  get trainAt(): number {
    return this.#trainAt;
  }

  /** When a data packet came in last, on the clock of `step`. */
  get dataAt(): number {
    return this.#dataAt;
  }

  /** Whether anything is going on that needs `step` more often than packets arrive. */
  get busy(): boolean {
    return this.#flows.length > 0 || this.#exchanging.size > 0;
  }

  /** Starts a handshake; `connected` or `failed` follows. */
  connect(options: ConnectOptions, now: number): void {
    this.#now = now;
    const localId = this.#freeId();
    const exchange = new CryptoExchange({ role: 'client', localId, remoteId: 0 });
    const connection = this.#addConnection({ localId, exchange, connect: options, originKey: '' });
    connection.peer = options.peer;
    this.#openChannel(connection, options.peerKey, options.minCipher);
  }

  /**
   * Receives (waiting up to `waitUs` when the socket can), runs every flow, sends.
   *
   * @returns When the next step is due, on the same clock.
   */
  step(clock: () => number, waitUs: number): number {
    const { io } = this.#options;
    const count = this.#batch.count > 0 ? 0 : io.receiveAndOpen(waitUs);
    const now = clock();
    this.#now = now;
    this.#peers.begin();
    for (let i = 0; i < count; i += 1) {
      readFrame(io.received, i, this.#frame);
      if (this.#frame.connection === CLEAR_HANDLE) this.#receiveClear(now);
      else this.#receiveSealed(now);
    }
    this.#pollExchanges(now);
    if (!this.#flush()) return now + 100;
    return this.#sendFlows(now);
  }

  /** Sends one discovery packet from this socket; it may be lost. */
  sendDiscover(peer: PeerAddress, id: Uint8Array): void {
    this.#options.io.sendClear(peer, encodeDiscover(id));
  }

  /** Nothing passes to or from this address any more: ends what went over it. */
  lose(peer: PeerAddress, reason: string): void {
    for (const connection of [...this.#byLocalId.values()]) {
      if (!sameAddress(connection.peer, peer)) continue;
      if (connection.flow === null) this.#fail(connection, 'timeout', reason);
      else connection.flow.abandon(reason);
    }
  }

  /** Closes every flow with a reason; call `step` a few times afterwards to let it leave. */
  closeAll(code: number, reason: string): void {
    for (const connection of this.#flows) connection.flow?.close(code, reason);
  }

  #sendFlows(now: number): number {
    const flows = this.#flows;
    let deadline = this.#exchangeDeadline();
    for (let i = 0; i < flows.length; i += 1) {
      const connection = flows[(this.#turn + i) % flows.length] as Connection;
      const flow = connection.flow as Flow;
      flow.tick(now);
      if (flow.path.expired(now)) this.#movePeer(connection, connection.provenPeer);
      if (now < connection.sealedFrom) {
        deadline = Math.min(deadline, connection.sealedFrom);
        continue;
      }
      this.#advanceSendKeys(connection);
      const room = flows.length === 1 ? BATCH_PACKETS_MAX : FLOW_ROOM;
      flow.fill(this.#batch, room, now);
      if (this.#batch.count > BATCH_PACKETS_MAX - FLOW_ROOM && !this.#flush()) return now + 100;
      deadline = Math.min(deadline, flow.deadline(now));
    }
    this.#turn = (this.#turn + 1) % Math.max(flows.length, 1);
    if (!this.#flush()) return now + 100;
    this.#dropClosed();
    return deadline;
  }

  /** @returns False when the socket is full and part of the batch is still to be sent. */
  #flush(): boolean {
    const batch = this.#batch;
    if (batch.count === 0) return true;
    const sent = this.#options.io.sealAndSend(batch);
    if (sent < batch.count) {
      batch.words.copyWithin(0, sent * 9, batch.count * 9);
      batch.count -= sent;
      return false;
    }
    batch.count = 0;
    return true;
  }

  #receiveSealed(now: number): void {
    const frame = this.#frame;
    const connection = this.#byHandle[frame.connection];
    if (connection?.flow == null) return;
    const { io } = this.#options;
    const epoch = Math.floor(frame.packetNumber / this.#epochPackets);
    if (epoch >= connection.receiveEpoch) this.#installReceiveKeys(connection, epoch + 1);
    const newest = frame.packetNumber > connection.flow.highestReceived;
    if (newest || !connection.flow.path.proven) this.#notePath(connection, newest);
    connection.sealedFrom = 0;
    if (this.#exchanging.has(connection)) connection.exchange.settle();
    if (isTimed(frame)) this.#trainAt = now;
    if (isData(frame)) this.#dataAt = now;
    connection.flow.receive(frame, io.received.bytes, now);
  }

  /** Follows a peer to where its newest packet came from; back to a proven address at any sign. */
  #notePath(connection: Connection, newest: boolean): void {
    const { path } = connection.flow as Flow;
    const from = this.#peers.address(this.#frame.peer);
    const back = !path.proven && sameAddress(from, connection.provenPeer);
    const moved = !sameAddress(from, connection.peer);
    if (moved && (back || (newest && path.mayMove(this.#now)))) {
      this.#movePeer(connection, from);
      if (back) path.stay(this.#now);
    }
    if (sameAddress(from, connection.peer))
      path.received(this.#frame.length + PACKET_OVERHEAD_BYTES);
  }

  /** Sends to another address of a peer, and asks there for a proof. */
  #movePeer(connection: Connection, to: PeerAddress): void {
    const { path, rate } = connection.flow as Flow;
    if (path.proven) connection.provenPeer = connection.peer;
    connection.peer = to;
    this.#options.io.setPeer(connection.handle, to);
    if (sameAddress(to, connection.provenPeer)) path.settle();
    else path.doubt(newChallenge(this.#options.random), this.#now, rate.smoothedRttUs);
  }

  #receiveClear(now: number): void {
    const { io } = this.#options;
    const frame = this.#frame;
    const datagram = io.received.bytes.subarray(frame.offset, frame.offset + frame.length);
    const packet = decodeClear(datagram);
    if (packet === null) return;
    const from = this.#peers.address(frame.peer);
    const discoverId = discoverIdOf(packet);
    if (discoverId !== null) {
      this.#options.discovered?.(discoverId, from);
      return;
    }
    const connection =
      packet.destinationId === 0
        ? this.#byOrigin.get(originKeyOf(from, packet.sourceId))
        : this.#byLocalId.get(packet.destinationId);
    if (connection === undefined) {
      this.#receiveUnknown(packet, { from, bytes: datagram.length, now });
      return;
    }
    if (!mayHandshake(connection, from, now)) return;
    if (!connection.answered) {
      connection.answered = true;
      connection.connect?.answered?.();
    }
    if (packet.kind === CLEAR_KIND.retry && connection.flow === null) {
      if (connection.role === 'client' && connection.exchange.remoteId === 0) {
        connection.exchange.restart(packet.cookie);
      }
    } else if (packet.kind === CLEAR_KIND.refuse) {
      if (packet.sourceId === connection.exchange.remoteId) {
        this.#fail(connection, 'refused', refusalReason(packet));
      }
    } else if (packet.kind === CLEAR_KIND.crypto) {
      this.#feed(connection, packet, datagram.length);
    }
  }

  #receiveUnknown(
    packet: ClearPacket,
    at: { from: PeerAddress; bytes: number; now: number },
  ): void {
    if (startsHandshake(packet, at.bytes)) {
      this.#acceptHandshake(packet, at);
    } else if (packet.kind === CLEAR_KIND.crypto && packet.destinationId !== 0) {
      const ids = { to: packet.sourceId, from: packet.destinationId };
      this.#options.io.sendClear(at.from, encodeRefusal(ids, ''));
    }
  }

  #acceptHandshake(
    packet: ClearPacket,
    at: { from: PeerAddress; bytes: number; now: number },
  ): void {
    if (this.#handshakes >= HANDSHAKES_MAX) return;
    const validated =
      packet.cookie.length > 0 && sameBytes(packet.cookie, this.#options.cookieFor(at.from));
    if (!validated && this.#handshakes >= COOKIE_ABOVE) {
      const cookie = this.#options.cookieFor(at.from);
      this.#options.io.sendClear(at.from, encodeRetry(packet.sourceId, cookie));
      return;
    }
    const localId = this.#freeId();
    const exchange = new CryptoExchange({
      role: 'server',
      localId,
      remoteId: packet.sourceId,
      validated,
    });
    const originKey = originKeyOf(at.from, packet.sourceId);
    const connection = this.#addConnection({ localId, exchange, connect: null, originKey });
    connection.peer = at.from;
    this.#byOrigin.set(originKey, connection);
    this.#openChannel(connection, null, this.#options.minCipher);
    this.#feed(connection, packet, at.bytes);
  }

  #feed(connection: Connection, packet: ClearPacket, datagramBytes: number): void {
    const pieces = connection.exchange.receive(packet, datagramBytes, this.#now);
    if (pieces === null) {
      this.#fail(connection, 'refused', 'the handshake is too long');
      return;
    }
    for (const piece of pieces) connection.channel?.receive(piece);
    this.#exchanging.add(connection);
  }

  #addConnection(fixed: FixedConnection): Connection {
    const connection = newConnection(fixed, this.#now);
    this.#byLocalId.set(connection.localId, connection);
    this.#exchanging.add(connection);
    this.#handshakes += 1;
    return connection;
  }

  #openChannel(connection: Connection, peerKey: Uint8Array | null, minCipher: number): void {
    const { role } = connection;
    connection.channel = this.#options.openSecureChannel(
      { role, peerKey, minCipher },
      {
        send: (bytes) => {
          connection.exchange.write(bytes);
          this.#options.wake();
        },
        secure: (key, schedule) => {
          this.#openFlow(connection, key, schedule);
          this.#options.wake();
        },
        failed: (message) => {
          this.#fail(connection, 'refused', message);
          this.#options.wake();
        },
      },
    );
  }

  #openFlow(connection: Connection, key: Uint8Array, schedule: KeySchedule): void {
    if (connection.flow !== null || !this.#byLocalId.has(connection.localId)) return;
    const { io, arena, scratchOffset, payloadBytesMax, streamRoom } = this.#options;
    const { connect, peer } = connection;
    if (this.#flows.length >= CONNECTIONS_MAX - 1) {
      this.#fail(connection, 'refused', 'too many flows');
      return;
    }
    const accepted =
      connect === null ? this.#options.accept({ address: peer, key }) : connect.connected(key);
    if (typeof accepted === 'string') {
      this.#fail(connection, 'refused', accepted);
      return;
    }
    this.#handshakes -= 1;
    connection.schedule = schedule;
    connection.handle = io.openConnection(connection.localId, connection.exchange.remoteId, peer);
    io.installKeys(connection.handle, schedule.keys('send', 0));
    this.#installReceiveKeys(connection, 1);
    this.#byHandle[connection.handle] = connection;
    const flow = new Flow({
      connection: connection.handle,
      arena,
      scratchOffset,
      paddingOffset: scratchOffset + BATCH_PACKETS_MAX * CONTROL_BYTES_MAX,
      inbox: accepted.inbox,
      ...(this.#options.gate === undefined ? {} : { gate: this.#options.gate }),
      events: accepted.events,
      rttUs: connection.exchange.rttUs || 100_000,
      rateMax: connect?.rateMax ?? Number.POSITIVE_INFINITY,
      rateHint: connect?.rateHint ?? 0,
      policy: connect?.policy ?? 'fair',
      ...(connect?.lossMax === undefined ? {} : { lossMax: connect.lossMax }),
      payloadBytesMax: payloadBytesMax?.(peer) ?? (PAYLOAD_LADDER.at(-1) as number),
      ...(streamRoom === undefined ? {} : { streamRoom: () => streamRoom(connection.peer) }),
      now: this.#now,
    });
    connection.flow = flow;
    // Streams overtake each other and nothing is sent again soon: there the server's word is awaited.
    const pause = streamRoom === undefined ? FIRST_SEALED_PAUSE_US : Infinity;
    connection.sealedFrom = connect === null ? 0 : this.#now + pause;
    this.#flows.push(connection);
    accepted.ready(flow);
  }

  #advanceSendKeys(connection: Connection): void {
    const last = (connection.flow as Flow).nextPacketNumber + BATCH_PACKETS_MAX;
    const epoch = Math.floor(last / this.#epochPackets);
    while (connection.sendEpoch < epoch) {
      connection.sendEpoch += 1;
      const keys = (connection.schedule as KeySchedule).keys('send', connection.sendEpoch);
      this.#options.io.installKeys(connection.handle, keys);
    }
  }

  /** Keeps the receive keys one epoch ahead of what has been seen. */
  #installReceiveKeys(connection: Connection, until: number): void {
    const schedule = connection.schedule as KeySchedule;
    if (connection.receiveEpoch === 0) {
      this.#options.io.installKeys(connection.handle, schedule.keys('receive', 0));
    }
    while (connection.receiveEpoch < until) {
      connection.receiveEpoch += 1;
      const keys = schedule.keys('receive', connection.receiveEpoch);
      this.#options.io.installKeys(connection.handle, keys);
    }
  }

  #pollExchanges(now: number): void {
    for (const connection of this.#exchanging) {
      for (const datagram of connection.exchange.poll(now)) {
        this.#options.io.sendClear(connection.peer, datagram);
      }
      const expired = now - connection.startedAt > HANDSHAKE_TIMEOUT_US;
      if (connection.flow !== null) {
        if (connection.exchange.settled || expired) this.#exchanging.delete(connection);
      } else if (expired) {
        this.#fail(connection, 'timeout', 'the peer did not answer within 10 s');
      }
    }
  }

  #exchangeDeadline(): number {
    let deadline = Infinity;
    for (const connection of this.#exchanging) {
      const at = Math.min(
        connection.exchange.deadline,
        connection.startedAt + HANDSHAKE_TIMEOUT_US + 1,
      );
      deadline = Math.min(deadline, at);
    }
    return deadline;
  }

  #fail(connection: Connection, reason: 'timeout' | 'refused', message: string): void {
    if (!this.#byLocalId.has(connection.localId)) return;
    if (connection.flow !== null) {
      // Our side was done first: the flow has opened, and the peer does not want it.
      connection.flow.refuse(message);
      return;
    }
    // What TLS has to say about the failure goes out before the connection is forgotten.
    for (const datagram of connection.exchange.poll(this.#now)) {
      this.#options.io.sendClear(connection.peer, datagram);
    }
    if (connection.role === 'server' && connection.exchange.validated) {
      const ids = { to: connection.exchange.remoteId, from: connection.localId };
      this.#options.io.sendClear(connection.peer, encodeRefusal(ids, message));
    }
    this.#handshakes -= 1;
    this.#forget(connection);
    connection.connect?.failed(reason, message);
  }

  #forget(connection: Connection): void {
    this.#byLocalId.delete(connection.localId);
    this.#byOrigin.delete(connection.originKey);
    this.#exchanging.delete(connection);
    connection.channel?.close();
  }

  #dropClosed(): void {
    if (!this.#flows.some((connection) => connection.flow?.closed === true)) return;
    for (const connection of this.#flows) {
      if (connection.flow?.closed !== true) continue;
      this.#forget(connection);
      this.#options.io.closeConnection(connection.handle);
      this.#byHandle[connection.handle] = undefined;
    }
    this.#flows = this.#flows.filter((connection) => connection.flow?.closed !== true);
  }

  #freeId(): number {
    return freeConnectionId(this.#options, (id) => this.#byLocalId.has(id));
  }
}
