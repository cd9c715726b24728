/**
 * PacketIO over reliable streams, for where UDP does not pass. It has no socket of its own: carriers
 * are added to it, each under an address made up for it, and the protocol runs over them as over UDP.
 */
import {
  BATCH_PACKETS_MAX,
  type ConnectionKeys,
  DESCRIPTOR_WORDS,
  PACKET_OVERHEAD_BYTES,
  type PacketIO,
  type PacketIOStats,
  type PeerAddress,
  type ReceiveBatch,
  type SendBatch,
} from '@jetstream/transport';
import { EpochKey } from './dgram-aead.js';
import { DgramConnections } from './dgram-connections.js';
import { DgramPeers } from './dgram-peers.js';
import { completeOptions, DATAGRAM_BYTES_MAX } from './packet-io-limits.js';
import {
  checkBatch,
  describeClear,
  FIRST_BYTE_CLEAR,
  openPacket,
  sealPacket,
} from './sealed-packet.js';
import { StreamCarrier } from './stream-carrier.js';

/** Carriers of one StreamPacketIO. */
export const CARRIERS_MAX = 4096;
/** Room for the packets of one receive batch. */
const RECEIVED_BYTES = 4 * 1024 * 1024;

export interface StreamPacketIOOptions {
  /** Outgoing payloads live here. */
  readonly arena: Uint8Array;
  readonly keyEpochShift?: number;
  /** A carrier has closed: nothing passes over its address any more. */
  lost(peer: PeerAddress, reason: string): void;
}

interface Entry {
  readonly carrier: StreamCarrier;
  /** Made up: the real address, and a number in place of the port. */
  readonly peer: PeerAddress;
  connections: number;
}

/** @see the head of this file */
export class StreamPacketIO implements PacketIO {
  readonly kind = 'tcp';
  readonly canBlock = false;
  readonly description = 'tcp: TLS streams';
  readonly localAddress: PeerAddress = { address: '::', port: 0 };
  readonly received: ReceiveBatch = {
    count: 0,
    words: new Uint32Array(BATCH_PACKETS_MAX * DESCRIPTOR_WORDS),
    bytes: new Uint8Array(RECEIVED_BYTES),
  };
  readonly #options: StreamPacketIOOptions;
  readonly #arena: Uint8Array;
  readonly #connections: DgramConnections;
  readonly #peers = new DgramPeers();
  /** By the number that stands for the port. */
  readonly #entries = new Map<number, Entry>();
  readonly #counts = {
    packetsSent: 0,
    bytesSent: 0,
    packetsReceived: 0,
    bytesReceived: 0,
    packetsRefused: 0,
    sendBlocked: 0,
    sendCalls: 0,
    receiveCalls: 0,
  };
  #nextNumber = 1;
  #receivedBytes = 0;
  #news = false;
  #watcher: (() => void) | null = null;
  #closed = false;

  constructor(options: StreamPacketIOOptions) {
    const { arena, keyEpochShift } = completeOptions({ address: '::', port: 0, ...options });
    this.#options = options;
    this.#arena = arena;
    this.#connections = new DgramConnections(keyEpochShift);
  }

  get carrierCount(): number {
    return this.#entries.size;
  }

  /**
   * Takes a carrier over.
   *
   * @returns The address under which it is reached.
   * @throws {Error} If there are too many.
   */
  add(carrier: StreamCarrier): PeerAddress {
    if (this.#closed || this.#entries.size >= CARRIERS_MAX) {
      throw new Error(`Cannot add a carrier: ${this.#entries.size} are open, expected fewer`);
    }
    while (this.#entries.has(this.#nextNumber)) this.#advance();
    const number = this.#nextNumber;
    this.#advance();
    const peer = { address: carrier.remote.address, port: number };
    this.#entries.set(number, { carrier, peer, connections: 0 });
    carrier.attach({
      news: () => this.#noteNews(),
      closed: (reason) => {
        this.#entries.delete(number);
        this.#options.lost(peer, reason);
        this.#noteNews();
      },
    });
    return peer;
  }

  /** Real address behind one that {@link add} has returned; null once the carrier has closed. */
  remoteOf(peer: PeerAddress): PeerAddress | null {
    return this.#entryOf(peer)?.carrier.remote ?? null;
  }

  /** Whether a connection uses the carrier. */
  isUsed(peer: PeerAddress): boolean {
    return (this.#entryOf(peer)?.connections ?? 0) > 0;
  }

  /** Bytes of file data that the streams to a peer take now. */
  roomFor(peer: PeerAddress): number {
    return this.#entryOf(peer)?.carrier.room ?? 0;
  }

  openConnection(localId: number, remoteId: number, peer: PeerAddress): number {
    const handle = this.#connections.open(localId, remoteId, peer);
    this.#count(peer, 1);
    return handle;
  }

  setPeer(connection: number, peer: PeerAddress): void {
    const known = this.#connections.get(connection);
    this.#count(peer, 1);
    this.#count(known.peer, -1);
    known.peer = peer;
  }

  installKeys(connection: number, keys: ConnectionKeys): void {
    this.#connections.get(connection)[keys.direction].install(new EpochKey(keys));
  }

  /** With its last connection a carrier closes. */
  closeConnection(connection: number): void {
    const { peer } = this.#connections.get(connection);
    this.#connections.close(connection);
    this.#count(peer, -1);
  }

  /** Takes every batch whole: whoever fills it asks {@link roomFor} first. */
  sealAndSend(batch: SendBatch): number {
    checkBatch(batch, this.#connections, this.#arena);
    const corked = new Set<StreamCarrier>();
    for (let i = 0; i < batch.count; i += 1) {
      const at = i * DESCRIPTOR_WORDS;
      const connection = this.#connections.get(batch.words[at] ?? 0);
      const carrier = this.#entryOf(connection.peer)?.carrier;
      if (carrier === undefined) continue;
      if (!corked.has(carrier)) {
        carrier.cork();
        corked.add(carrier);
      }
      const payloadBytes = (batch.words[at + 3] ?? 0) >>> 16;
      const { frame, packet } = StreamCarrier.frame(payloadBytes + PACKET_OVERHEAD_BYTES);
      sealPacket(packet, connection, { words: batch.words, at, arena: this.#arena });
      carrier.send(frame);
      this.#noteSent(packet.length);
    }
    for (const carrier of corked) carrier.uncork();
    return batch.count;
  }

  sendClear(peer: PeerAddress, datagram: Uint8Array): void {
    const carrier = this.#entryOf(peer)?.carrier;
    if (carrier === undefined) return;
    carrier.sendPacket(datagram);
    this.#noteSent(datagram.length);
  }

  receiveAndOpen(_waitUs: number): number {
    this.#news = false;
    this.#peers.begin();
    this.#receivedBytes = 0;
    this.#counts.receiveCalls += 1;
    let count = 0;
    let more = true;
    // A few packets of each carrier in turn, so that none waits for a busy one.
    while (more && count < BATCH_PACKETS_MAX) {
      more = false;
      for (const entry of this.#entries.values()) {
        const packet = entry.carrier.take();
        if (packet === null) continue;
        more = true;
        if (this.#readPacket(packet, entry.peer, count * DESCRIPTOR_WORDS)) count += 1;
        if (count === BATCH_PACKETS_MAX || this.#isFull) break;
      }
      if (this.#isFull) break;
    }
    if (more) this.#news = true;
    this.received.count = count;
    return count;
  }

  peerAddress(peer: number): PeerAddress {
    const found = this.#peers.address(peer);
    if (found === undefined) throw new Error('Cannot name a peer: the handle is unknown');
    return found;
  }

  watch(callback: (() => void) | null): void {
    this.#watcher = callback;
    if (this.#news) this.#wake();
  }

  stats(): PacketIOStats {
    return { ...this.#counts };
  }

  close(): Promise<void> {
    this.#closed = true;
    this.#watcher = null;
    for (const { carrier } of [...this.#entries.values()]) carrier.close();
    this.#connections.closeAll();
    return Promise.resolve();
  }

  get #isFull(): boolean {
    return this.#receivedBytes + DATAGRAM_BYTES_MAX > RECEIVED_BYTES;
  }

  #advance(): void {
    this.#nextNumber = (this.#nextNumber % 65_535) + 1;
  }

  #entryOf(peer: PeerAddress): Entry | undefined {
    const entry = this.#entries.get(peer.port);
    return entry?.peer.address === peer.address ? entry : undefined;
  }

  #count(peer: PeerAddress, change: number): void {
    const entry = this.#entryOf(peer);
    if (entry === undefined) return;
    entry.connections += change;
    if (entry.connections === 0) entry.carrier.close();
  }

  #noteSent(bytes: number): void {
    this.#counts.sendCalls += 1;
    this.#counts.packetsSent += 1;
    this.#counts.bytesSent += bytes;
  }

  #readPacket(bytes: Buffer, peer: PeerAddress, at: number): boolean {
    const { words } = this.received;
    let content: Buffer | null = bytes;
    if (bytes[0] === FIRST_BYTE_CLEAR) describeClear(bytes, { words, at });
    else content = openPacket(bytes, this.#connections, { words, at });
    if (content === null) {
      this.#counts.packetsRefused += 1;
      return false;
    }
    words[at + 7] = this.#receivedBytes;
    words[at + 8] = this.#peers.handle(peer);
    this.received.bytes.set(content, this.#receivedBytes);
    this.#receivedBytes += content.length;
    this.#counts.packetsReceived += 1;
    this.#counts.bytesReceived += bytes.length;
    return true;
  }

  #noteNews(): void {
    this.#news = true;
    this.#wake();
  }

  /** Waits for the end of this turn of the loop, so that one call finds all that it brought. */
  #wake(): void {
    const callback = this.#watcher;
    if (callback === null) return;
    this.#watcher = null;
    setImmediate(callback);
  }
}
