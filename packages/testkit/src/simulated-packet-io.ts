/**
 * PacketIO on a simulated network. Nothing is encrypted: a sealed packet carries the identity of its
 * key, and opens only where the same key is installed for its epoch. Descriptors are checked as the
 * real ones do; payloads are copied when they are sent, so that an arena slot that is used again too
 * early shows as wrong content.
 */
import {
  BATCH_PACKETS_MAX,
  CLEAR_HANDLE,
  CONNECTIONS_MAX,
  type ConnectionKeys,
  DESCRIPTOR_WORDS,
  FRAME,
  KEY_EPOCHS_HELD,
  PACKET_OVERHEAD_BYTES,
  PAYLOAD_BYTES_MAX,
  type PacketIO,
  type PacketIOStats,
  type PeerAddress,
  type ReceiveBatch,
  type SendBatch,
} from '@jetstream/transport';
import { mix32, type Prng } from './prng.js';
import type { Datagram, SealedPacket } from './simulated-link.js';
import type { SimulatedNetwork } from './simulated-network.js';

const RECEIVED_BYTES = 4 * 1024 * 1024;
const HIGH = 0x1_0000_0000;

interface Connection {
  readonly localId: number;
  readonly remoteId: number;
  peer: PeerAddress;
  readonly send: ({ epoch: number; identity: number } | undefined)[];
  readonly receive: ({ epoch: number; identity: number } | undefined)[];
}

/** A number that stands for a key: equal keys have equal ones, others hardly ever. */
const identityOf = (keys: ConnectionKeys): number => {
  let identity: number = keys.cipher;
  for (const byte of keys.key) identity = mix32(identity ^ byte);
  for (const byte of keys.iv) identity = mix32(identity ^ byte);
  return identity;
};

/** Options beyond those that the real ones have. */
export interface SimulatedPacketIOOptions {
  readonly name: string;
  readonly arena: Uint8Array;
  readonly keyEpochShift: number;
  /** Bytes that may wait to be received; the rest is dropped, as by a socket. */
  readonly socketBufferBytes?: number;
  /** Share of send calls that find the socket full part of the way. */
  readonly blockedShare?: number;
  readonly random: Prng;
  /** A packet has come in. */
  readonly arrived: () => void;
}

/** Counters that only a simulated one has. */
export interface SimulatedCounters {
  packetsSent: number;
  bytesSent: number;
  packetsReceived: number;
  bytesReceived: number;
  packetsRefused: number;
  packetsOverflowed: number;
  sendBlocked: number;
  sendCalls: number;
  receiveCalls: number;
  /** Payload bytes of data frames, repeated ones included. */
  dataBytesSent: number;
}

/** PacketIO of one simulated host. */
export class SimulatedPacketIO implements PacketIO {
  readonly kind = 'dgram';
  readonly canBlock = false;
  readonly description = 'simulated';
  readonly received: ReceiveBatch = {
    count: 0,
    words: new Uint32Array(BATCH_PACKETS_MAX * DESCRIPTOR_WORDS),
    bytes: new Uint8Array(RECEIVED_BYTES),
  };
  readonly counters: SimulatedCounters = {
    packetsSent: 0,
    bytesSent: 0,
    packetsReceived: 0,
    bytesReceived: 0,
    packetsRefused: 0,
    packetsOverflowed: 0,
    sendBlocked: 0,
    sendCalls: 0,
    receiveCalls: 0,
    dataBytesSent: 0,
  };
  readonly #network: SimulatedNetwork;
  readonly #options: SimulatedPacketIOOptions;
  readonly #connections: (Connection | undefined)[] = [];
  readonly #handleByLocalId = new Map<number, number>();
  #queue: Datagram[] = [];
  #queueHead = 0;
  #queueBytes = 0;
  #peers: PeerAddress[] = [];
  #nextHandle = 0;

  constructor(network: SimulatedNetwork, address: PeerAddress, options: SimulatedPacketIOOptions) {
    this.#network = network;
    this.#options = options;
    network.attach(options.name, address, (datagram) => this.#onDatagram(datagram));
  }

  get localAddress(): PeerAddress {
    return this.#network.addressOf(this.#options.name);
  }

  /** Connections that are open. */
  get connectionCount(): number {
    return this.#handleByLocalId.size;
  }

  /** Packets that wait to be received. */
  get waiting(): number {
    return this.#queue.length - this.#queueHead;
  }

  openConnection(localId: number, remoteId: number, peer: PeerAddress): number {
    if (this.#handleByLocalId.has(localId)) {
      throw new Error('Cannot open a connection: the local connection id is taken');
    }
    if (this.#handleByLocalId.size >= CONNECTIONS_MAX) {
      throw new Error('Cannot open a connection: no connection handle is free');
    }
    while (this.#connections[this.#nextHandle] !== undefined) this.#advanceHandle();
    const handle = this.#nextHandle;
    this.#advanceHandle();
    this.#connections[handle] = { localId, remoteId, peer, send: [], receive: [] };
    this.#handleByLocalId.set(localId, handle);
    return handle;
  }

  setPeer(connection: number, peer: PeerAddress): void {
    this.#connection(connection).peer = peer;
  }

  installKeys(connection: number, keys: ConnectionKeys): void {
    const ring = this.#connection(connection)[keys.direction];
    ring[keys.epoch % KEY_EPOCHS_HELD] = { epoch: keys.epoch, identity: identityOf(keys) };
  }

  closeConnection(connection: number): void {
    this.#handleByLocalId.delete(this.#connection(connection).localId);
    this.#connections[connection] = undefined;
  }

  sealAndSend(batch: SendBatch): number {
    const { count, words } = batch;
    if (!Number.isInteger(count) || count < 0 || count > BATCH_PACKETS_MAX) {
      throw new RangeError(`Cannot send a batch of "${count}" packets`);
    }
    for (let i = 0; i < count; i += 1) this.#checkDescriptor(words, i * DESCRIPTOR_WORDS);
    this.counters.sendCalls += 1;
    const { random, blockedShare = 0 } = this.#options;
    const sent = random.chance(blockedShare) ? random.below(count) : count;
    if (sent < count) this.counters.sendBlocked += 1;
    for (let i = 0; i < sent; i += 1) this.#sendOne(words, i * DESCRIPTOR_WORDS);
    return sent;
  }

  sendClear(peer: PeerAddress, datagram: Uint8Array): void {
    if (datagram.length < 1 || datagram.length > 65_507) {
      throw new RangeError(`Cannot send a datagram of "${datagram.length}" bytes`);
    }
    this.counters.packetsSent += 1;
    this.counters.bytesSent += datagram.length;
    const clear = datagram.slice();
    this.#network.send(this.#options.name, peer, { bytes: clear.length, clear, sealed: null });
  }

  receiveAndOpen(): number {
    this.counters.receiveCalls += 1;
    this.#peers = [];
    const { received } = this;
    let count = 0;
    let filled = 0;
    while (this.#queueHead < this.#queue.length && count < BATCH_PACKETS_MAX) {
      const datagram = this.#queue[this.#queueHead] as Datagram;
      if (filled + datagram.bytes > RECEIVED_BYTES) break;
      this.#queueHead += 1;
      this.#queueBytes -= datagram.bytes;
      const payload = this.#open(datagram, count * DESCRIPTOR_WORDS, filled);
      if (payload === null) {
        this.counters.packetsRefused += 1;
        continue;
      }
      received.bytes.set(payload, filled);
      filled += payload.length;
      count += 1;
      this.counters.packetsReceived += 1;
      this.counters.bytesReceived += datagram.bytes;
    }
    if (this.#queueHead === this.#queue.length) {
      this.#queue = [];
      this.#queueHead = 0;
    }
    received.count = count;
    return count;
  }

  peerAddress(peer: number): PeerAddress {
    const address = this.#peers[peer];
    if (address === undefined) throw new Error('Cannot name a peer: the handle is unknown');
    return address;
  }

  watch(): void {
    // The world steps its hosts by itself.
  }

  stats(): PacketIOStats {
    return { ...this.counters };
  }

  close(): Promise<void> {
    this.#connections.length = 0;
    this.#handleByLocalId.clear();
    this.#queue = [];
    this.#queueHead = 0;
    return Promise.resolve();
  }

  #onDatagram(datagram: Datagram): void {
    const room = this.#options.socketBufferBytes ?? 8 * 1024 * 1024;
    if (this.#queueBytes + datagram.bytes > room) {
      this.counters.packetsOverflowed += 1;
      return;
    }
    this.#queue.push(datagram);
    this.#queueBytes += datagram.bytes;
    this.#options.arrived();
  }

  #advanceHandle(): void {
    this.#nextHandle = (this.#nextHandle + 1) % CONNECTIONS_MAX;
  }

  #connection(handle: number): Connection {
    const connection = this.#connections[handle];
    if (connection === undefined) throw new Error('Cannot use the connection: it is not open');
    return connection;
  }

  #keyOf(ring: Connection['send'], numberHigh: number, numberLow: number): number | undefined {
    const epoch = Math.floor((numberHigh * HIGH + numberLow) / 2 ** this.#options.keyEpochShift);
    const held = ring[epoch % KEY_EPOCHS_HELD];
    return held?.epoch === epoch ? held.identity : undefined;
  }

  #checkDescriptor(words: Uint32Array, at: number): void {
    const connection = this.#connection(words[at] as number);
    const payloadBytes = (words[at + 3] as number) >>> 16;
    if (payloadBytes > PAYLOAD_BYTES_MAX) {
      throw new Error('Cannot send a batch: the payload is too long');
    }
    if ((words[at + 7] as number) + payloadBytes > this.#options.arena.length) {
      throw new Error('Cannot send a batch: the payload lies outside the arena');
    }
    const key = this.#keyOf(connection.send, words[at + 2] as number, words[at + 1] as number);
    if (key === undefined) {
      throw new Error('Cannot send a batch: no key for this packet number');
    }
  }

  #sendOne(words: Uint32Array, at: number): void {
    const connection = this.#connection(words[at] as number);
    const kind = words[at + 3] as number;
    const payloadBytes = kind >>> 16;
    const offset = words[at + 7] as number;
    const numberLow = words[at + 1] as number;
    const numberHigh = words[at + 2] as number;
    const sealed: SealedPacket = {
      connectionId: connection.remoteId,
      numberLow,
      numberHigh,
      kind,
      place: words[at + 4] as number,
      positionLow: words[at + 5] as number,
      positionHigh: words[at + 6] as number,
      payload: this.#options.arena.slice(offset, offset + payloadBytes),
      keyIdentity: this.#keyOf(connection.send, numberHigh, numberLow) as number,
    };
    const bytes = payloadBytes + PACKET_OVERHEAD_BYTES;
    this.counters.packetsSent += 1;
    this.counters.bytesSent += bytes;
    const type = kind & 0xff;
    if (type === FRAME.data || type === FRAME.dataTrain)
      this.counters.dataBytesSent += payloadBytes;
    this.#network.send(this.#options.name, connection.peer, { bytes, clear: null, sealed });
  }

  /** @returns The payload; null when the packet is not for us. */
  #open(datagram: Datagram, at: number, offset: number): Uint8Array | null {
    const { words } = this.received;
    const { clear, sealed } = datagram;
    if (clear !== null) {
      words.fill(0, at, at + DESCRIPTOR_WORDS);
      words[at] = CLEAR_HANDLE;
      words[at + 3] = clear.length << 16;
      words[at + 7] = offset;
      words[at + 8] = this.#peerHandle(datagram.from);
      return clear;
    }
    if (sealed === null) return null;
    const handle = this.#handleByLocalId.get(sealed.connectionId);
    if (handle === undefined) return null;
    const ring = this.#connection(handle).receive;
    if (this.#keyOf(ring, sealed.numberHigh, sealed.numberLow) !== sealed.keyIdentity) return null;
    words[at] = handle;
    words[at + 1] = sealed.numberLow;
    words[at + 2] = sealed.numberHigh;
    words[at + 3] = sealed.kind;
    words[at + 4] = sealed.place;
    words[at + 5] = sealed.positionLow;
    words[at + 6] = sealed.positionHigh;
    words[at + 7] = offset;
    words[at + 8] = this.#peerHandle(datagram.from);
    return sealed.payload;
  }

  #peerHandle(address: PeerAddress): number {
    const last = this.#peers.length - 1;
    if (this.#peers[last] === address) return last;
    this.#peers.push(address);
    return last + 1;
  }
}
