/**
 * The first packet of each stream, both ways. The client says which carrier the stream belongs to, by
 * a random number that nobody else knows; the server says whether it takes it. Who both are is proven
 * later, by the handshake of the flow.
 *
 * Hello: `version u8 · carrier 16 bytes`. Answer: `version u8 · code u16, 0 for taken · ASCII reason`.
 */
import { readClose, writeClose } from './close-frame.js';

/** ALPN name by which a server tells these streams from calls of its API. */
export const STREAM_PROTOCOL = 'jetstream-streams/1';
/** Bytes of the random number that names a carrier. */
export const CARRIER_ID_BYTES = 16;
/** Longest first packet. */
export const STREAM_HELLO_BYTES_MAX = 256;

const VERSION = 1;
const CLOSE_HEAD_BYTES = 2;
const REASON_CHARACTERS_MAX = 200;

/** @param carrierId `CARRIER_ID_BYTES` random bytes. */
export const encodeStreamHello = (carrierId: Uint8Array): Uint8Array =>
  new Uint8Array([VERSION, ...carrierId]);

/** @returns The carrier's id; null when it is no hello of this version. */
export const decodeStreamHello = (packet: Uint8Array): Uint8Array | null => {
  if (packet.length !== 1 + CARRIER_ID_BYTES || packet[0] !== VERSION) return null;
  return packet.slice(1);
};

/** @param refusal Why the stream is not taken; null takes it. */
export const encodeStreamAnswer = (refusal: string | null): Uint8Array => {
  const reason = (refusal ?? '').slice(0, REASON_CHARACTERS_MAX);
  const packet = new Uint8Array(1 + CLOSE_HEAD_BYTES + reason.length);
  packet[0] = VERSION;
  writeClose(packet, 1, { code: refusal === null ? 0 : 1, reason });
  return packet;
};

/** @returns Why it was refused, or that it was taken; null when it is no answer of this version. */
export const decodeStreamAnswer = (
  packet: Uint8Array,
): { readonly taken: true } | { readonly taken: false; readonly reason: string } | null => {
  if (packet.length < 1 + CLOSE_HEAD_BYTES || packet.length > STREAM_HELLO_BYTES_MAX) return null;
  if (packet[0] !== VERSION) return null;
  const { code, reason } = readClose(packet, 1, packet.length - 1);
  return code === 0 ? { taken: true } : { taken: false, reason };
};
