/**
 * Clear packets that need no connection: what starts a handshake, and the short answers to it. None
 * of the answers is larger than what it answers.
 */
import { CLEAR_DATAGRAM_BYTES, CLEAR_KIND, type ClearPacket, encodeClear } from './clear-packet.js';

const NOTHING = new Uint8Array(0);
/** A reason fits beside the header into what it answers; longer ones are cut. */
const REASON_BYTES_MAX = 200;

/** Only a padded datagram starts a handshake, so that nobody gets much for little. */
export const startsHandshake = (packet: ClearPacket, bytes: number): boolean =>
  packet.destinationId === 0 &&
  packet.sourceId !== 0 &&
  packet.kind === CLEAR_KIND.crypto &&
  packet.offset === 0 &&
  packet.bytes.length > 0 &&
  bytes >= CLEAR_DATAGRAM_BYTES;

/** Asks a client to come again with a cookie that proves its address. */
export const encodeRetry = (clientId: number, cookie: Uint8Array): Uint8Array =>
  encodeClear(
    {
      destinationId: clientId,
      kind: CLEAR_KIND.retry,
      sourceId: 0,
      ackOffset: 0,
      offset: 0,
      cookie,
      bytes: NOTHING,
    },
    0,
  );

/** Says that there is no such connection, or no longer. @param reason Text, empty if unknown. */
export const encodeRefusal = (ids: { to: number; from: number }, reason: string): Uint8Array => {
  const text = reason.slice(0, REASON_BYTES_MAX);
  const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0) & 0x7f);
  return encodeClear(
    {
      destinationId: ids.to,
      kind: CLEAR_KIND.refuse,
      sourceId: ids.from,
      ackOffset: 0,
      offset: 0,
      cookie: NOTHING,
      bytes,
    },
    0,
  );
};

/** Text of a refusal. */
export const refusalReason = (packet: ClearPacket): string => {
  let text = '';
  for (const byte of packet.bytes.subarray(0, REASON_BYTES_MAX)) {
    text += byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '?';
  }
  return text === '' ? 'the peer does not know of the handshake' : text;
};
