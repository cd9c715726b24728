/** Comparing addresses of peers, and remembering them by a text. */
import type { PacketIO, PeerAddress } from './packet-io.js';

export const sameAddress = (a: PeerAddress, b: PeerAddress): boolean =>
  a === b || (a.port === b.port && a.address === b.address);

/** What tells the handshakes of clients apart before they know our connection id. */
export const originKeyOf = (peer: PeerAddress, sourceId: number): string =>
  `${peer.address} ${peer.port} ${sourceId}`;

/** Who sent the packets of one receive batch: asks the socket only where the sender changes. */
export class BatchPeers {
  readonly #io: PacketIO;
  #handle = -1;
  #address: PeerAddress = { address: '', port: 0 };

  constructor(io: PacketIO) {
    this.#io = io;
  }

  /** A new batch: what its handles mean may differ. */
  begin(): void {
    this.#handle = -1;
  }

  /** Address behind a handle of this batch. */
  address(handle: number): PeerAddress {
    if (handle !== this.#handle) {
      this.#address = this.#io.peerAddress(handle);
      this.#handle = handle;
    }
    return this.#address;
  }
}
