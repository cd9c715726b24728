/**
 * Discovery: a packet that carries nothing but an id, so that the server that gave the id out learns
 * the address and port that its sender has outside. It is never answered.
 */
import { CLEAR_KIND, type ClearPacket, encodeClear } from './clear-packet.js';

/** Bytes of a discovery id: 128 random bits, good for one use. */
export const DISCOVER_ID_BYTES = 16;

const NOTHING = new Uint8Array(0);

/** The datagram that carries an id. */
export const encodeDiscover = (id: Uint8Array): Uint8Array =>
  encodeClear(
    {
      destinationId: 0,
      kind: CLEAR_KIND.discover,
      sourceId: 0,
      ackOffset: 0,
      offset: 0,
      cookie: NOTHING,
      bytes: id,
    },
    0,
  );

/** The id in a packet; null when it is not a discovery packet. */
export const discoverIdOf = (packet: ClearPacket): Uint8Array | null =>
  packet.kind === CLEAR_KIND.discover && packet.bytes.length === DISCOVER_ID_BYTES
    ? packet.bytes
    : null;
