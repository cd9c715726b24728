/**
 * The border between the protocol and the sockets.
 *
 * A PacketIO owns one UDP socket. It moves batches: the protocol fills a {@link SendBatch} with
 * descriptors whose payloads lie in one shared arena, and reads what came in from a
 * {@link ReceiveBatch}. Sealing and opening (AEAD) happen inside, because that is where the bytes
 * are copied anyway. A PacketIO knows buffers and addresses, never transfers.
 *
 * Two kinds exist, with one wire format and one conformance suite: `native` (C++ addon, batched
 * system calls, segmentation offload) and `dgram` (node:dgram and node:crypto). A third, `tcp`, carries
 * the same packets over streams where UDP does not pass; it owns no UDP socket.
 *
 * @see docs/ARCHITECTURE.md, "Packets"
 */

/** Bytes of the clear, authenticated header in front of every packet. */
export const HEADER_BYTES = 16;
/** Bytes of the sealed inner header that starts the plain text of every sealed packet. */
export const INNER_HEADER_BYTES = 16;
/** Bytes of the authentication tag that ends every sealed packet. */
export const TAG_BYTES = 16;
/** What a sealed packet costs beyond its payload: 48 bytes. */
export const PACKET_OVERHEAD_BYTES = HEADER_BYTES + INNER_HEADER_BYTES + TAG_BYTES;
/** Largest payload of one sealed packet; the whole packet stays within a 64 KiB datagram. */
export const PAYLOAD_BYTES_MAX = 65_000;
/** Wire version, in the high nibble of the first byte. */
export const WIRE_VERSION = 1;
/** Most packets of one send or receive batch. */
export const BATCH_PACKETS_MAX = 256;
/** Most connections that one PacketIO holds. */
export const CONNECTIONS_MAX = 4096;
/** Key epochs held per connection and direction: the current one and its neighbours. */
export const KEY_EPOCHS_HELD = 4;

/**
 * Low nibble of the first byte. `clear` packets (handshake, retry, stateless close) carry
 * everything readable; `sealed` packets are opened with the connection's keys.
 */
export const PACKET_CLASS = { clear: 0, sealed: 1 } as const;

/**
 * AEAD in force on a connection. `none` still has the tag bytes (zero) so that sizes agree;
 * `authenticated` is AES-128-GCM with the whole plain text as associated data.
 */
export const CIPHER = { none: 0, authenticated: 1, aes128gcm: 2, aes256gcm: 3 } as const;
export type Cipher = (typeof CIPHER)[keyof typeof CIPHER];

/**
 * Descriptor layout, in 32-bit words, shared by both batch kinds:
 *
 * | word | sealed packet | clear packet |
 * | --- | --- | --- |
 * | 0 `connection` | local handle | `CLEAR_HANDLE` |
 * | 1, 2 `packetNumber` | low, high | low, high |
 * | 3 `kind` | frame type in bits 0..7, flags in 8..15, payload length in 16..31 | length of the whole datagram in 16..31 |
 * | 4 `place` | channel in bits 0..15, index in 16..31 | 0 |
 * | 5, 6 `position` | low, high | 0 |
 * | 7 `offset` | where the payload starts in the arena (send) or in `bytes` (receive) | where the datagram starts |
 * | 8 `peer` | send: 0. receive: handle of the source address, see {@link PacketIO.peerAddress} | the same |
 */
export const DESCRIPTOR_WORDS = 9;
/** Value of word 0 for a packet that is not sealed. */
export const CLEAR_HANDLE = 0xffffffff;

/** Packets to send, in order. Filled by the protocol, emptied by {@link PacketIO.sealAndSend}. */
export interface SendBatch {
  /** Number of descriptors in use, 0 to {@link BATCH_PACKETS_MAX}. */
  count: number;
  /** `BATCH_PACKETS_MAX * DESCRIPTOR_WORDS` words. */
  readonly words: Uint32Array;
}

/** Packets received by the last {@link PacketIO.receiveAndOpen}; valid until the next call. */
export interface ReceiveBatch {
  count: number;
  readonly words: Uint32Array;
  /** Opened payloads and clear datagrams; word 7 points into it. */
  readonly bytes: Uint8Array;
}

/** An IP address and a UDP port. */
export interface PeerAddress {
  /** IPv4 dotted or IPv6 text, never a name. */
  readonly address: string;
  /** 1 to 65535. */
  readonly port: number;
}

export interface ConnectionKeys {
  readonly direction: 'send' | 'receive';
  /** Key epoch; packets whose number divided by 2^`keyEpochShift` is this use the key. */
  readonly epoch: number;
  readonly cipher: Cipher;
  /** 16 bytes for `authenticated` and `aes128gcm`, 32 for `aes256gcm`, 0 for `none`. */
  readonly key: Uint8Array;
  /** 12 bytes; the packet number is xored into the last 8, big-endian. */
  readonly iv: Uint8Array;
}

export interface PacketIOStats {
  readonly packetsSent: number;
  readonly bytesSent: number;
  readonly packetsReceived: number;
  readonly bytesReceived: number;
  /** Sealed packets whose tag, connection or key epoch did not fit; dropped. */
  readonly packetsRefused: number;
  /** Times the socket had no room and a batch was cut short. */
  readonly sendBlocked: number;
  /** System calls made to send and to receive. */
  readonly sendCalls: number;
  readonly receiveCalls: number;
}

export interface PacketIOOptions {
  /** Local address to bind; '::' is dual-stack, '0.0.0.0' IPv4 only. */
  readonly address: string;
  /** 0 to 65535; 0 lets the system choose. */
  readonly port: number;
  /** Outgoing payloads live here; may lie on a SharedArrayBuffer. 64 KiB to 1 GiB. */
  readonly arena: Uint8Array;
  /** Packets of one key epoch are 2 to this power: 8 to 26, default 24. */
  readonly keyEpochShift?: number;
  /** Socket buffers asked for, in bytes; default 8 MiB each. The system may grant less. */
  readonly socketBufferBytes?: number;
  /**
   * First byte of every connection id that will be opened here, 0 to 255. With it, what can be no
   * packet of the protocol, and sealed packets for other ids, are dropped before they are read, where
   * the system can do that. The protocol drops them all the same, at more cost.
   */
  readonly idPrefix?: number;
}

/**
 * One UDP socket with batched, sealed packets.
 *
 * Packet on the wire: `[class | version << 4][0][0][0][connection id u32][packet number u64]`,
 * then for a sealed packet AEAD(inner header ‖ payload) and the tag. The 16 header bytes are the
 * associated data. Inner header: `[type u8][flags u8][length u16][channel u16][index u16]
 * [position u64]`. All integers are big-endian.
 */
export interface PacketIO {
  readonly kind: 'native' | 'dgram' | 'tcp';
  /** Whether {@link receiveAndOpen} can wait for a packet; a dgram one returns at once. */
  readonly canBlock: boolean;
  /** What is in use and why, one line for the log: offloads, buffers granted. */
  readonly description: string;
  readonly localAddress: PeerAddress;
  /** First byte that the ids of its connections must have; any where it is absent. */
  readonly idPrefix?: number | undefined;
  readonly received: ReceiveBatch;

  /**
   * Registers a connection.
   *
   * @param localId Connection id in packets that come in for it; unique in this PacketIO.
   * @param remoteId Connection id put into packets that go out.
   * @returns Its handle, 0 to {@link CONNECTIONS_MAX} - 1.
   * @throws {Error} If `localId` is taken or no handle is free.
   */
  openConnection(localId: number, remoteId: number, peer: PeerAddress): number;
  /** Sends later packets of a connection to another address. */
  setPeer(connection: number, peer: PeerAddress): void;
  /** Installs the key of one epoch; replaces the key held {@link KEY_EPOCHS_HELD} epochs before. */
  installKeys(connection: number, keys: ConnectionKeys): void;
  /** Forgets a connection and wipes its keys; its packets are refused from now on. */
  closeConnection(connection: number): void;

  /**
   * Seals and sends the batch in order. Consecutive packets of one connection with equal sizes
   * share a system call where the platform can.
   *
   * @returns How many left, 0 to `batch.count`; fewer when the socket is full. The rest is the
   * caller's to send again, with the same packet numbers. `batch.count` is not changed. A packet
   * that the system refuses for its size (EMSGSIZE) or its route counts as sent (and lost).
   * @throws {Error} If a descriptor points outside the arena or names an unknown connection.
   */
  sealAndSend(batch: SendBatch): number;
  /** Sends one clear datagram as it is, 1 to 65,507 bytes. Errors of the path are ignored. */
  sendClear(peer: PeerAddress, datagram: Uint8Array): void;

  /**
   * Fills {@link received} with what has come in, opened. Packets that do not open are dropped and
   * counted. Duplicates and old packet numbers are the protocol's affair.
   *
   * @param waitUs Longest wait for the first packet, 0 to 100,000 microseconds; ignored when
   * `canBlock` is false.
   * @returns `received.count`, 0 to {@link BATCH_PACKETS_MAX}.
   */
  receiveAndOpen(waitUs: number): number;
  /** Address behind a `peer` handle of the last receive batch. */
  peerAddress(peer: number): PeerAddress;

  /**
   * Calls back once on the event loop when a packet is there to be received (at once if one is
   * already waiting), then forgets the callback; null cancels. Keeps the process alive while armed.
   */
  watch(callback: (() => void) | null): void;

  stats(): PacketIOStats;
  /** Closes the socket and wipes all keys. */
  close(): Promise<void>;
}
