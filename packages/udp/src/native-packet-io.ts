import {
  BATCH_PACKETS_MAX,
  type ConnectionKeys,
  DESCRIPTOR_WORDS,
  type PacketIO,
  type PacketIOOptions,
  type PeerAddress,
  type ReceiveBatch,
  type SendBatch,
} from '@jetstream/transport';
import type { NativeAddon, NativeSocket } from './native-addon.js';
import { completeOptions, describeBuffers } from './packet-io-limits.js';
import type { UdpStats } from './udp-stats.js';

/** Room that the addon wants for received packets: 64 slots of 64 KiB. */
const RECEIVE_BYTES = 64 * 65_536;
const STATS_VALUES = 10;
/** Addresses that the addon tells apart at a time; a handle modulo this is its place among them. */
const PEERS_MAX = 256;

/** PacketIO on the C++ addon: batched system calls, segmentation offload, AEAD. */
export class NativePacketIO implements PacketIO {
  readonly kind = 'native';
  readonly canBlock = true;
  readonly localAddress: PeerAddress;
  readonly idPrefix: number | undefined;
  readonly received: ReceiveBatch;
  readonly #addon: NativeAddon;
  readonly #socket: NativeSocket;
  readonly #statsValues = new Float64Array(STATS_VALUES);
  /** What the addon has said, by the place of the handle. */
  readonly #peers: { readonly handle: number; readonly address: PeerAddress }[] = [];
  #granted: string;
  #immediate: NodeJS.Immediate | null = null;
  #closed = false;

  private constructor(
    addon: NativeAddon,
    socket: NativeSocket,
    { received, idPrefix }: Pick<PacketIO, 'received' | 'idPrefix'>,
  ) {
    this.#addon = addon;
    this.#socket = socket;
    this.received = received;
    this.idPrefix = idPrefix;
    this.localAddress = { address: socket.address, port: socket.port };
    this.#granted = this.#describe();
  }

  /**
   * Opens and binds the socket.
   *
   * @throws {Error} With the system's `code` if the address cannot be bound.
   */
  static open(addon: NativeAddon, options: PacketIOOptions): NativePacketIO {
    const complete = completeOptions(options);
    const words = new Uint32Array(BATCH_PACKETS_MAX * DESCRIPTOR_WORDS);
    const bytes = new Uint8Array(RECEIVE_BYTES);
    const socket = addon.open(
      complete.address,
      complete.port,
      complete.socketBufferBytes,
      complete.keyEpochShift,
      complete.arena,
      bytes,
      words,
    );
    // Where the system refuses, the engine and the protocol drop it.
    const { idPrefix } = complete;
    if (idPrefix !== undefined) addon.dropJunk(socket, idPrefix);
    return new NativePacketIO(addon, socket, { received: { count: 0, words, bytes }, idPrefix });
  }

  /** Asked anew each time, because GSO may turn out not to work on the way. */
  get description(): string {
    if (!this.#closed) this.#granted = this.#describe();
    return this.#granted;
  }

  openConnection(localId: number, remoteId: number, peer: PeerAddress): number {
    if (this.idPrefix !== undefined && localId >>> 24 !== this.idPrefix) {
      throw new RangeError(
        `Cannot open connection ${localId}: its first byte is ${localId >>> 24}, expected ${this.idPrefix}`,
      );
    }
    return this.#addon.openConnection(this.#socket, localId, remoteId, peer.address, peer.port);
  }

  setPeer(connection: number, peer: PeerAddress): void {
    this.#addon.setPeer(this.#socket, connection, peer.address, peer.port);
  }

  installKeys(connection: number, keys: ConnectionKeys): void {
    const { direction, epoch, cipher, key, iv } = keys;
    const forSealing = direction === 'send' ? 1 : 0;
    this.#addon.installKeys(this.#socket, connection, forSealing, epoch, cipher, key, iv);
  }

  closeConnection(connection: number): void {
    this.#addon.closeConnection(this.#socket, connection);
  }

  sealAndSend(batch: SendBatch): number {
    return this.#addon.sealAndSend(this.#socket, batch.words, batch.count);
  }

  sendClear(peer: PeerAddress, datagram: Uint8Array): void {
    this.#addon.sendClear(this.#socket, peer.address, peer.port, datagram);
  }

  receiveAndOpen(waitUs: number): number {
    const count = this.#addon.receiveAndOpen(this.#socket, waitUs);
    this.received.count = count;
    return count;
  }

  peerAddress(peer: number): PeerAddress {
    const known = this.#peers[peer % PEERS_MAX];
    if (known?.handle === peer) return known.address;
    const address = this.#addon.peerAddress(this.#socket, peer);
    this.#peers[peer % PEERS_MAX] = { handle: peer, address };
    return address;
  }

  watch(callback: (() => void) | null): void {
    if (this.#immediate !== null) clearImmediate(this.#immediate);
    this.#immediate = null;
    if (this.#closed && callback === null) return;
    const waiting = this.#addon.watch(this.#socket, callback);
    if (callback === null || !waiting) return;
    this.#immediate = setImmediate(() => {
      this.#immediate = null;
      callback();
    });
  }

  stats(): UdpStats {
    const values = this.#statsValues;
    if (!this.#closed) this.#addon.stats(this.#socket, values);
    const value = (index: number) => values[index] ?? 0;
    return {
      packetsSent: value(0),
      bytesSent: value(1),
      packetsReceived: value(2),
      bytesReceived: value(3),
      packetsRefused: value(4),
      sendBlocked: value(5),
      sendCalls: value(6),
      receiveCalls: value(7),
      packetsOverflowed: value(8),
    };
  }

  close(): Promise<void> {
    if (this.#closed) return Promise.resolve();
    this.watch(null);
    this.stats();
    this.#closed = true;
    this.#addon.close(this.#socket);
    this.received.count = 0;
    return Promise.resolve();
  }

  #describe(): string {
    const { gso, gro, receiveBufferBytes, sendBufferBytes } = this.#addon.offloads(this.#socket);
    const send = gso === 1 ? 'GSO' : 'no GSO';
    const receive = gro === 1 ? 'GRO' : 'no GRO';
    const buffers = describeBuffers(receiveBufferBytes, sendBufferBytes);
    return `native: ${send}, ${receive}, ${buffers}`;
  }
}
