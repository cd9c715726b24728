/** Comparing addresses of peers, and remembering them by a text. */
import type { PeerAddress } from './packet-io.js';

export const sameAddress = (a: PeerAddress, b: PeerAddress): boolean =>
  a.port === b.port && a.address === b.address;

/** What tells the handshakes of clients apart before they know our connection id. */
export const originKeyOf = (peer: PeerAddress, sourceId: number): string =>
  `${peer.address} ${peer.port} ${sourceId}`;
