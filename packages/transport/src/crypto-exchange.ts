/**
 * The small reliable stream that carries TLS handshake bytes inside clear packets. It repeats what
 * is not acknowledged, and a server side never sends more than three times what it has received
 * before the client's address is proven.
 *
 * @see RFC 9000, section 8.1
 */
import {
  CLEAR_BYTES_MAX,
  CLEAR_DATAGRAM_BYTES,
  CLEAR_KIND,
  type ClearPacket,
  encodeClear,
} from './clear-packet.js';

/** Most handshake bytes either side accepts; certificates here are well under 2 KiB. */
export const CRYPTO_BYTES_MAX = 32 * 1024;
/** Pieces held out of order; more are dropped and come again. */
const SEGMENTS_MAX = 32;
const RETRY_FIRST_US = 300_000;
const RETRY_MAX_US = 1_000_000;
/** Longest pause while nothing was heard yet: a peer that comes up is found within this time. */
const RETRY_UNHEARD_MAX_US = 600_000;
const RETRY_MIN_US = 50_000;
/** What is not acknowledged so soon leaves a second time: a lost packet costs a handshake a round trip. */
const COPY_US = 25_000;
const AMPLIFICATION = 3;

export interface CryptoExchangeOptions {
  readonly role: 'client' | 'server';
  readonly localId: number;
  /** Connection id of the other side; 0 while a client doesn't know it. */
  readonly remoteId: number;
  readonly cookie?: Uint8Array;
  /** Server: the address is already proven, by a cookie. */
  readonly validated?: boolean;
}

export class CryptoExchange {
  /** Something has come from the address that the handshake is with. */
  heard = false;
  readonly #role: 'client' | 'server';
  readonly #localId: number;
  #remoteId: number;
  #cookie: Uint8Array;
  #out = new Uint8Array(0);
  #sent = 0;
  #acked = 0;
  readonly #segments = new Map<number, Uint8Array>();
  #received = 0;
  #ackDue = false;
  #retryUs = RETRY_FIRST_US;
  #retryAt = Infinity;
  #copyAt = Infinity;
  /** Bytes that have had their second copy, or will. */
  #copied = 0;
  /** When a client that waits for the server shows itself again. */
  #nudgeAt = Infinity;
  #number = 0;
  #validated: boolean;
  #bytesReceived = 0;
  #bytesSent = 0;
  #firstSentAt = -1;
  #rttUs = 0;

  constructor(options: CryptoExchangeOptions) {
    this.#role = options.role;
    this.#localId = options.localId;
    this.#remoteId = options.remoteId;
    this.#cookie = options.cookie ?? new Uint8Array(0);
    this.#validated = options.role === 'client' || options.validated === true;
  }

  get remoteId(): number {
    return this.#remoteId;
  }
  /** Whether the peer's address is proven. */
  get validated(): boolean {
    return this.#validated;
  }
  /** Round trip of the handshake, 0 while unknown; repetitions count, so it is never too short. */
  get rttUs(): number {
    return this.#rttUs;
  }
  /** Whether everything written has arrived. */
  get settled(): boolean {
    return this.#acked === this.#out.length && !this.#ackDue;
  }
  /** When `poll` has something to do. */
  get deadline(): number {
    if (this.#ackDue || (this.#sent < this.#out.length && this.#validated)) return 0;
    return Math.min(this.#retryAt, this.#copyAt, this.#nudgeAt);
  }

  write(bytes: Uint8Array): void {
    const joined = new Uint8Array(this.#out.length + bytes.length);
    joined.set(this.#out);
    joined.set(bytes, this.#out.length);
    this.#out = joined;
  }

  /** A client starts over with the cookie that the server asked for. */
  restart(cookie: Uint8Array): void {
    this.#cookie = cookie;
    this.#sent = 0;
    this.#firstSentAt = -1;
    this.#retryAt = Infinity;
    this.#copyAt = Infinity;
  }

  /** Stops repeating: the other side has proven by a sealed packet that it has everything. */
  settle(): void {
    this.#acked = this.#out.length;
    this.#sent = this.#out.length;
    this.#retryAt = Infinity;
    this.#copyAt = Infinity;
    this.#nudgeAt = Infinity;
  }

  /** @returns Handshake bytes that are now in order; null when the peer breaks the rules. */
  receive(packet: ClearPacket, datagramBytes: number, now: number): Uint8Array[] | null {
    this.#bytesReceived += datagramBytes;
    this.#nudgeAt = Infinity;
    if (this.#remoteId === 0) this.#remoteId = packet.sourceId;
    if (packet.sourceId !== this.#remoteId) return [];
    // Only who has read our packets knows our connection id: the address is real.
    if (packet.destinationId === this.#localId) this.#validated = true;
    if (packet.ackOffset > this.#acked && packet.ackOffset <= this.#sent) {
      this.#noteAck(packet.ackOffset, now);
    }
    if (packet.bytes.length === 0) return [];
    this.#ackDue = true;
    const end = packet.offset + packet.bytes.length;
    if (end > CRYPTO_BYTES_MAX) return null;
    if (end > this.#received) {
      // Repeated bytes may be cut elsewhere; what is known already is skipped.
      const skip = Math.max(0, this.#received - packet.offset);
      if (skip === 0 && this.#segments.size >= SEGMENTS_MAX) return [];
      this.#segments.set(packet.offset + skip, packet.bytes.subarray(skip));
    }
    return this.#takeReady();
  }

  /** @returns Datagrams to send now. */
  poll(now: number): Uint8Array[] {
    if (now >= this.#retryAt) {
      this.#sent = this.#acked;
      const most = this.#rttUs === 0 ? RETRY_UNHEARD_MAX_US : RETRY_MAX_US;
      this.#retryUs = Math.min(this.#retryUs * 1.5, most);
      this.#retryAt = Infinity;
    }
    if (now >= this.#copyAt) {
      this.#sent = this.#acked;
      this.#copyAt = Infinity;
    }
    const datagrams: Uint8Array[] = [];
    const nudge = now >= this.#nudgeAt;
    if (nudge) {
      this.#ackDue = true;
      this.#nudgeAt = Infinity;
    }
    while (this.#sent < this.#out.length) {
      const bytes = this.#out.subarray(this.#sent, this.#sent + CLEAR_BYTES_MAX);
      const datagram = this.#encode(this.#sent, bytes);
      if (!this.#mayServe(datagram.length)) break;
      datagrams.push(datagram);
      this.#sent += bytes.length;
      if (this.#sent > this.#copied) {
        this.#copied = this.#sent;
        this.#copyAt = now + COPY_US;
      }
      if (this.#firstSentAt < 0) this.#firstSentAt = now;
    }
    if (this.#ackDue && datagrams.length === 0) {
      const padTo = nudge ? CLEAR_DATAGRAM_BYTES : 0;
      const datagram = this.#encode(this.#sent, new Uint8Array(0), padTo);
      if (this.#mayServe(datagram.length)) datagrams.push(datagram);
    }
    this.#ackDue = false;
    if (this.#acked < this.#out.length && this.#retryAt === Infinity) {
      this.#retryAt = now + this.#retryUs;
    }
    // A server that has used up its budget waits for us: only our bytes let it go on.
    const waiting = this.#role === 'client' && this.#acked === this.#out.length;
    if (waiting && this.#out.length > 0 && this.#nudgeAt === Infinity) {
      this.#nudgeAt = now + this.#retryUs;
    }
    return datagrams;
  }

  #noteAck(offset: number, now: number): void {
    this.#acked = offset;
    if (this.#acked === this.#out.length) this.#copyAt = Infinity;
    if (this.#rttUs === 0 && this.#firstSentAt >= 0) {
      this.#rttUs = Math.max(1, now - this.#firstSentAt);
      this.#retryUs = Math.min(this.#rttUs * 1.5 + RETRY_MIN_US, RETRY_MAX_US);
    }
    this.#retryAt = this.#acked < this.#sent ? now + this.#retryUs : Infinity;
  }

  #takeReady(): Uint8Array[] {
    const ready: Uint8Array[] = [];
    for (;;) {
      const segment = this.#segments.get(this.#received);
      if (segment === undefined) return ready;
      this.#segments.delete(this.#received);
      this.#received += segment.length;
      ready.push(segment);
    }
  }

  #mayServe(bytes: number): boolean {
    if (!this.#validated && this.#bytesSent + bytes > AMPLIFICATION * this.#bytesReceived) {
      return false;
    }
    this.#bytesSent += bytes;
    return true;
  }

  #encode(offset: number, bytes: Uint8Array, padAtLeast = 0): Uint8Array {
    this.#number += 1;
    const first = this.#role === 'client' && bytes.length > 0;
    const padTo = first ? CLEAR_DATAGRAM_BYTES : padAtLeast;
    return encodeClear(
      {
        destinationId: this.#remoteId,
        kind: CLEAR_KIND.crypto,
        sourceId: this.#localId,
        ackOffset: this.#received,
        offset,
        cookie: this.#cookie,
        bytes,
      },
      this.#number,
      padTo,
    );
  }
}
