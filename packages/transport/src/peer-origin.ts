/** Where packets come from, compared. */
import type { PeerAddress } from './packet-io.js';

/** Names the start of a handshake: address and the client's connection id. */
export const originKeyOf = (peer: PeerAddress, sourceId: number): string =>
  `${peer.address} ${peer.port} ${sourceId}`;

export const sameAddress = (a: PeerAddress, b: PeerAddress): boolean =>
  a.port === b.port && a.address === b.address;

/** Takes as long wherever they differ. */
export const sameBytes = (a: Uint8Array, b: Uint8Array): boolean => {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i += 1) difference |= (a[i] as number) ^ (b[i] as number);
  return difference === 0;
};
