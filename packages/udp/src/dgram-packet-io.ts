import {
  BATCH_PACKETS_MAX,
  CLEAR_HANDLE,
  type ConnectionKeys,
  DESCRIPTOR_WORDS,
  PACKET_OVERHEAD_BYTES,
  type PacketIO,
  type PacketIOOptions,
  type PeerAddress,
  type ReceiveBatch,
  type SendBatch,
} from '@jetstream/transport';
import { type Datagram, DatagramQueue } from './datagram-queue.js';
import { EpochKey } from './dgram-aead.js';
import { DgramConnections } from './dgram-connections.js';
import { DgramPeers } from './dgram-peers.js';
import { type BoundSocket, bindSocket, plainAddress, socketAddress } from './dgram-socket.js';
import {
  type CompleteOptions,
  checkRange,
  completeOptions,
  DATAGRAM_BYTES_MAX,
  describeBuffers,
} from './packet-io-limits.js';
import {
  checkBatch,
  describeClear,
  FIRST_BYTE_CLEAR,
  openPacket,
  sealPacket,
} from './sealed-packet.js';
import { SendSlab } from './send-slab.js';
import type { UdpStats } from './udp-stats.js';

/** Bytes that may wait inside libuv before a batch is cut short. */
const SEND_QUEUE_BYTES_MAX = 4 * 1024 * 1024;
/** Datagrams, and their bytes, that may wait to be opened. */
const RECEIVE_QUEUE_COUNT_MAX = 8192;
const RECEIVE_QUEUE_BYTES_MAX = 16 * 1024 * 1024;
/** Room for the packets of one receive batch. */
const RECEIVED_BYTES = 4 * 1024 * 1024;

/** PacketIO on node:dgram and node:crypto, for where the addon cannot be built. */
export class DgramPacketIO implements PacketIO {
  readonly kind = 'dgram';
  readonly canBlock = false;
  readonly description: string;
  readonly localAddress: PeerAddress;
  readonly received: ReceiveBatch = {
    count: 0,
    words: new Uint32Array(BATCH_PACKETS_MAX * DESCRIPTOR_WORDS),
    bytes: new Uint8Array(RECEIVED_BYTES),
  };
  readonly #bound: BoundSocket;
  readonly #arena: Uint8Array;
  readonly #connections: DgramConnections;
  readonly #peers = new DgramPeers();
  readonly #queue = new DatagramQueue(RECEIVE_QUEUE_COUNT_MAX, RECEIVE_QUEUE_BYTES_MAX);
  readonly #slab = new SendSlab();
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
  #receivedBytes = 0;
  #watcher: (() => void) | null = null;
  #immediate: NodeJS.Immediate | null = null;
  #closed = false;

  private constructor(bound: BoundSocket, options: CompleteOptions, reason: string) {
    const { socket } = bound;
    const buffers = describeBuffers(
      socket.getRecvBufferSize() / 2, // Linux answers twice what it was asked for.
      socket.getSendBufferSize() / 2,
    );
    this.#bound = bound;
    this.#arena = options.arena;
    this.#connections = new DgramConnections(options.keyEpochShift);
    this.localAddress = bound.localAddress;
    this.description = `dgram: ${reason}, ${buffers}`;
    socket.unref();
    // Errors of the path say nothing that the protocol's own acknowledgements do not.
    socket.on('error', () => undefined);
    socket.on('message', (bytes, source) => this.#onDatagram({ bytes, source }));
  }

  /**
   * Opens and binds the socket.
   *
   * @param reason Why this implementation is used, for the description.
   * @throws {Error} With the system's `code` if the address cannot be bound.
   */
  static async open(options: PacketIOOptions, reason: string): Promise<DgramPacketIO> {
    const complete = completeOptions(options);
    const bound = await bindSocket(complete, complete.socketBufferBytes);
    return new DgramPacketIO(bound, complete, reason);
  }

  openConnection(localId: number, remoteId: number, peer: PeerAddress): number {
    this.#checkOpen();
    checkRange('local connection id', localId, [0, 0xffffffff]);
    checkRange('remote connection id', remoteId, [0, 0xffffffff]);
    return this.#connections.open(localId, remoteId, socketAddress(peer, this.#bound.family));
  }

  setPeer(connection: number, peer: PeerAddress): void {
    this.#checkOpen();
    this.#connections.get(connection).peer = socketAddress(peer, this.#bound.family);
  }

  installKeys(connection: number, keys: ConnectionKeys): void {
    this.#checkOpen();
    this.#connections.get(connection)[keys.direction].install(new EpochKey(keys));
  }

  closeConnection(connection: number): void {
    this.#checkOpen();
    this.#connections.close(connection);
  }

  sealAndSend(batch: SendBatch): number {
    this.#checkOpen();
    const { count, words } = batch;
    checkBatch(batch, this.#connections, this.#arena);
    const { socket } = this.#bound;
    this.#slab.begin(socket.getSendQueueCount() > 0);
    for (let i = 0; i < count; i++) {
      if (socket.getSendQueueSize() >= SEND_QUEUE_BYTES_MAX) {
        this.#counts.sendBlocked++;
        return i;
      }
      this.#sealAndSendOne(words, i * DESCRIPTOR_WORDS);
    }
    return count;
  }

  sendClear(peer: PeerAddress, datagram: Uint8Array): void {
    this.#checkOpen();
    checkRange('datagram bytes', datagram.length, [1, DATAGRAM_BYTES_MAX]);
    const { socket, family } = this.#bound;
    const { address, port } = socketAddress(peer, family);
    if (socket.getSendQueueSize() >= SEND_QUEUE_BYTES_MAX) {
      this.#counts.sendBlocked++;
      return;
    }
    // libuv may keep the bytes for later; the caller's may have changed by then.
    this.#send(Buffer.from(datagram), { address, port });
  }

  receiveAndOpen(_waitUs: number): number {
    this.#checkOpen();
    this.#peers.begin();
    this.#receivedBytes = 0;
    let count = 0;
    for (let next = this.#queue.peek(); next !== undefined; next = this.#queue.peek()) {
      if (count === BATCH_PACKETS_MAX) break;
      if (this.#receivedBytes + next.bytes.length > RECEIVED_BYTES) break;
      if (this.#readPacket(next, count * DESCRIPTOR_WORDS)) {
        this.#counts.packetsReceived++;
        this.#counts.bytesReceived += next.bytes.length;
        count++;
      } else {
        this.#counts.packetsRefused++;
      }
      this.#queue.drop();
    }
    this.received.count = count;
    return count;
  }

  peerAddress(peer: number): PeerAddress {
    const found = this.#peers.address(peer);
    if (found === undefined) throw new Error('Cannot name a peer: the handle is unknown');
    return { address: plainAddress(found.address), port: found.port };
  }

  watch(callback: (() => void) | null): void {
    if (this.#immediate !== null) clearImmediate(this.#immediate);
    this.#immediate = null;
    this.#watcher = callback;
    if (this.#closed && callback === null) return;
    this.#checkOpen();
    if (callback === null) this.#bound.socket.unref();
    else this.#bound.socket.ref();
    if (this.#queue.count > 0) this.#wake();
  }

  stats(): UdpStats {
    return { ...this.#counts, packetsOverflowed: this.#queue.overflowed };
  }

  close(): Promise<void> {
    if (this.#closed) return Promise.resolve();
    this.watch(null);
    this.#closed = true;
    this.#connections.closeAll();
    this.#queue.clear();
    this.received.count = 0;
    return new Promise((resolve) => this.#bound.socket.close(() => resolve()));
  }

  #checkOpen(): void {
    if (this.#closed) throw new Error('Cannot use the socket: it is closed');
  }

  #sealAndSendOne(words: Uint32Array, at: number): void {
    const connection = this.#connections.get(words[at] ?? CLEAR_HANDLE);
    const payloadBytes = (words[at + 3] ?? 0) >>> 16;
    const packet = this.#slab.take(payloadBytes + PACKET_OVERHEAD_BYTES);
    sealPacket(packet, connection, { words, at, arena: this.#arena });
    this.#send(packet, connection.peer);
  }

  #send(datagram: Buffer, peer: PeerAddress): void {
    this.#bound.socket.send(datagram, peer.port, peer.address);
    this.#counts.sendCalls++;
    this.#counts.packetsSent++;
    this.#counts.bytesSent += datagram.length;
  }

  #onDatagram(datagram: Datagram): void {
    this.#counts.receiveCalls++;
    this.#queue.push(datagram);
    if (this.#watcher !== null && this.#immediate === null) this.#wake();
  }

  /** Waits for the end of this turn of the loop, so that one call finds all that it brought. */
  #wake(): void {
    if (this.#watcher === null) return;
    this.#immediate = setImmediate(() => {
      const callback = this.#watcher;
      this.#immediate = null;
      this.#watcher = null;
      this.#bound.socket.unref();
      callback?.();
    });
  }

  #readPacket(datagram: Datagram, at: number): boolean {
    const { bytes, source } = datagram;
    if (bytes[0] !== FIRST_BYTE_CLEAR) return this.#readSealed(datagram, at);
    if (bytes.length > DATAGRAM_BYTES_MAX) return false;
    const { words } = this.received;
    describeClear(bytes, { words, at });
    words[at + 7] = this.#deliver(bytes);
    words[at + 8] = this.#peers.handle(source);
    return true;
  }

  #readSealed({ bytes, source }: Datagram, at: number): boolean {
    const { words } = this.received;
    const payload = openPacket(bytes, this.#connections, { words, at });
    if (payload === null) return false;
    words[at + 7] = this.#deliver(payload);
    words[at + 8] = this.#peers.handle(source);
    return true;
  }

  /** Copies into `received.bytes`; returns where. */
  #deliver(bytes: Uint8Array): number {
    const offset = this.#receivedBytes;
    this.received.bytes.set(bytes, offset);
    this.#receivedBytes += bytes.length;
    return offset;
  }
}
