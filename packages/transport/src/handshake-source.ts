/** From where a packet of a handshake may come. */
import type { CryptoExchange } from './crypto-exchange.js';
import type { PeerAddress } from './packet-io.js';
import { sameAddress } from './peer-address.js';

/** So long a client hears only the address that it has dialled, and others while that is silent. */
export const OTHER_ADDRESS_AFTER_US = 1_500_000;

/** What is asked of a handshake. */
export interface HandshakePeer {
  readonly role: 'client' | 'server';
  readonly startedAt: number;
  readonly peer: PeerAddress;
  readonly exchange: CryptoExchange;
}

/**
 * Only the address that a handshake is with has a say in it. Whom a client has dialled may answer
 * under another of its addresses, but who sees the client's packets and is quicker than the peer must
 * not get between.
 */
export const mayHandshake = (at: HandshakePeer, from: PeerAddress, now: number): boolean => {
  if (sameAddress(from, at.peer)) {
    at.exchange.heard = true;
    return true;
  }
  const waited = now - at.startedAt >= OTHER_ADDRESS_AFTER_US;
  return at.role === 'client' && waited && !at.exchange.heard;
};
