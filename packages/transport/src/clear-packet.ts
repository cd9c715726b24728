/**
 * Clear packets: the ones before keys exist. They carry TLS handshake bytes (protected by TLS
 * itself), a retry cookie, a refusal, or a discovery id.
 *
 * Layout after the 16-byte header (destination connection id, packet number): `kind u8 ·
 * sourceId u32 · ackOffset u32 · offset u32 · cookieLength u8 · cookie · length u16 · bytes`, then
 * zero padding. `ackOffset` acknowledges all handshake bytes below it.
 */
import { getU16, getU32, putU16, putU32, putU64 } from './bytes.js';
import { HEADER_BYTES, PACKET_CLASS, WIRE_VERSION } from './packet-io.js';

export const CLEAR_KIND = { crypto: 1, retry: 2, refuse: 3, discover: 4 } as const;

/** First client datagrams are padded to this, which sets the server's answering budget. */
export const CLEAR_DATAGRAM_BYTES = 1200;
/** Handshake bytes of one clear packet. */
export const CLEAR_BYTES_MAX = 1100;
export const COOKIE_BYTES_MAX = 64;
const FIXED_BYTES = 14;

export interface ClearPacket {
  readonly destinationId: number;
  readonly kind: number;
  readonly sourceId: number;
  readonly ackOffset: number;
  readonly offset: number;
  readonly cookie: Uint8Array;
  readonly bytes: Uint8Array;
}

/** Encodes a clear packet. @param padTo Least length of the datagram. */
export const encodeClear = (packet: ClearPacket, number: number, padTo = 0): Uint8Array => {
  const length = HEADER_BYTES + FIXED_BYTES + packet.cookie.length + 2 + packet.bytes.length;
  const out = new Uint8Array(Math.max(length, padTo));
  out[0] = PACKET_CLASS.clear | (WIRE_VERSION << 4);
  putU32(out, 4, packet.destinationId);
  putU64(out, 8, number);
  let at = HEADER_BYTES;
  out[at] = packet.kind;
  putU32(out, at + 1, packet.sourceId);
  putU32(out, at + 5, packet.ackOffset);
  putU32(out, at + 9, packet.offset);
  out[at + 13] = packet.cookie.length;
  at += FIXED_BYTES;
  out.set(packet.cookie, at);
  at += packet.cookie.length;
  putU16(out, at, packet.bytes.length);
  out.set(packet.bytes, at + 2);
  return out;
};

/** Decodes a datagram. @returns null when it is not a clear packet of this version. */
export const decodeClear = (datagram: Uint8Array): ClearPacket | null => {
  if (datagram.length < HEADER_BYTES + FIXED_BYTES + 2) return null;
  if (datagram[0] !== (PACKET_CLASS.clear | (WIRE_VERSION << 4))) return null;
  const at = HEADER_BYTES;
  const kind = datagram[at] as number;
  const cookieLength = datagram[at + 13] as number;
  const lengthAt = at + FIXED_BYTES + cookieLength;
  if (cookieLength > COOKIE_BYTES_MAX || lengthAt + 2 > datagram.length) return null;
  const length = getU16(datagram, lengthAt);
  if (length > CLEAR_BYTES_MAX || lengthAt + 2 + length > datagram.length) return null;
  return {
    destinationId: getU32(datagram, 4),
    kind,
    sourceId: getU32(datagram, at + 1),
    ackOffset: getU32(datagram, at + 5),
    offset: getU32(datagram, at + 9),
    cookie: datagram.slice(at + FIXED_BYTES, lengthAt),
    bytes: datagram.slice(lengthAt + 2, lengthAt + 2 + length),
  };
};
