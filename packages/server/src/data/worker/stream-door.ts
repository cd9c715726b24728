/**
 * Streams that others open to us. The control port hands their descriptors over; TLS and everything
 * after it happens here, in the data worker. Until a flow stands on a stream it is one of few and for
 * a short time only.
 */
import net from 'node:net';
import tls from 'node:tls';
import {
  decodeStreamHello,
  encodeStreamAnswer,
  encodeStreamFrame,
  type PeerAddress,
  STREAM_HELLO_BYTES_MAX,
  STREAM_PROTOCOL,
  StreamFrameReader,
} from '@jetstream/transport';
import { CARRIER_STREAMS_MAX, StreamCarrier, type StreamPacketIO } from '@jetstream/udp';
import type { IncomingStream } from '../data-plane.js';
import type { TlsIdentity } from './tls-channel.js';

/** Incoming streams in all, and from one address. */
export const STREAMS_MAX = 1024;
export const STREAMS_PER_ADDRESS_MAX = 256;
/** Of those from one address, how many may have no flow yet. */
export const STREAMS_UNPROVEN_MAX = 32;
/** Time for TLS and the hello. */
const HELLO_MS_MAX = 10_000;
/** Time from a carrier's first stream until a flow has to stand on it. */
const PROOF_MS_MAX = 15_000;

interface Guest {
  readonly address: string;
  /** The carrier's address in the PacketIO, once the stream has joined one. */
  peer: PeerAddress | null;
}

interface Group {
  readonly carrier: StreamCarrier;
  readonly peer: PeerAddress;
}

export interface StreamDoorOptions {
  readonly io: StreamPacketIO;
  readonly identity: TlsIdentity;
}

export class StreamDoor {
  readonly #io: StreamPacketIO;
  readonly #context: tls.SecureContext;
  readonly #guests = new Map<net.Socket, Guest>();
  /** Carriers by address and the number that their streams name. */
  readonly #groups = new Map<string, Group>();
  #closed = false;

  constructor({ io, identity }: StreamDoorOptions) {
    this.#io = io;
    this.#context = tls.createSecureContext({
      key: identity.privateKeyPem,
      cert: identity.certificatePem,
      minVersion: 'TLSv1.3',
    });
  }

  /** Takes a stream; its descriptor is closed here in any case. */
  take({ descriptor, address, port, head }: IncomingStream): void {
    const socket = new net.Socket({ fd: descriptor, readable: true, writable: true });
    socket.on('error', () => undefined);
    if (this.#closed || !this.#hasRoom(address)) {
      socket.destroy();
      return;
    }
    const guest: Guest = { address, peer: null };
    this.#guests.set(socket, guest);
    socket.once('close', () => this.#guests.delete(socket));
    socket.setNoDelay(true);
    // What was read to tell it from an API call is read again by TLS.
    socket.unshift(Buffer.from(head));
    const stream = new tls.TLSSocket(socket, {
      isServer: true,
      secureContext: this.#context,
      ALPNCallback: ({ protocols }) =>
        protocols.includes(STREAM_PROTOCOL) ? STREAM_PROTOCOL : undefined,
    });
    this.#receiveHello(stream, socket, (carrierId, rest) =>
      this.#join({ stream, guest, rest, carrierId, remote: { address, port } }),
    );
  }

  close(): void {
    this.#closed = true;
    for (const socket of this.#guests.keys()) socket.destroy();
  }

  #hasRoom(address: string): boolean {
    if (this.#guests.size >= STREAMS_MAX) return false;
    let here = 0;
    let unproven = 0;
    for (const guest of this.#guests.values()) {
      if (guest.address !== address) continue;
      here += 1;
      if (guest.peer === null || !this.#io.isUsed(guest.peer)) unproven += 1;
    }
    return here < STREAMS_PER_ADDRESS_MAX && unproven < STREAMS_UNPROVEN_MAX;
  }

  #receiveHello(
    stream: tls.TLSSocket,
    socket: net.Socket,
    done: (carrierId: Uint8Array, rest: Uint8Array) => void,
  ): void {
    const reader = new StreamFrameReader(STREAM_HELLO_BYTES_MAX);
    const drop = (): void => {
      clearTimeout(limit);
      stream.destroy();
      socket.destroy();
    };
    const limit = setTimeout(drop, HELLO_MS_MAX);
    const receive = (bytes: Buffer): void => {
      let carrierId: Uint8Array | null | undefined;
      const used = reader.push(bytes, (packet) => {
        carrierId = decodeStreamHello(packet);
        return false;
      });
      if (used >= 0 && carrierId === undefined) return;
      stream.off('data', receive);
      stream.off('error', drop).off('close', drop);
      clearTimeout(limit);
      if (carrierId == null) drop();
      else done(carrierId, bytes.subarray(used));
    };
    stream.on('data', receive);
    stream.on('error', drop).on('close', drop);
  }

  #join(joining: {
    stream: tls.TLSSocket;
    guest: Guest;
    rest: Uint8Array;
    carrierId: Uint8Array;
    remote: PeerAddress;
  }): void {
    const { stream, guest, rest, remote } = joining;
    const key = `${remote.address} ${Buffer.from(joining.carrierId).toString('hex')}`;
    const group = this.#groups.get(key) ?? this.#open(key, remote);
    if (group === null || group.carrier.streamCount >= CARRIER_STREAMS_MAX) {
      const reason = 'Cannot take the stream: too many are open';
      stream.on('error', () => undefined);
      stream.end(encodeStreamFrame(encodeStreamAnswer(reason)));
      setTimeout(() => stream.destroy(), 1000).unref();
      return;
    }
    guest.peer = group.peer;
    stream.write(encodeStreamFrame(encodeStreamAnswer(null)));
    group.carrier.join(stream, rest);
  }

  #open(key: string, remote: PeerAddress): Group | null {
    const carrier = new StreamCarrier(remote);
    let peer: PeerAddress;
    try {
      peer = this.#io.add(carrier);
    } catch {
      return null;
    }
    const group = { carrier, peer };
    this.#groups.set(key, group);
    const proof = setTimeout(() => {
      if (!this.#io.isUsed(peer)) carrier.destroy();
    }, PROOF_MS_MAX);
    carrier.whenClosed(() => {
      clearTimeout(proof);
      this.#groups.delete(key);
    });
    return group;
  }
}
