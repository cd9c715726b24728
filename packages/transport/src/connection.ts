/** What an endpoint knows of one peer, from the first handshake packet to the end of the flow. */
import type { CryptoExchange } from './crypto-exchange.js';
import type { ConnectOptions } from './endpoint-options.js';
import type { Flow } from './flow.js';
import type { PeerAddress } from './packet-io.js';
import type { KeySchedule, SecureChannel } from './secure-channel.js';

/** What is settled when the connection begins. */
export interface FixedConnection {
  readonly localId: number;
  readonly exchange: CryptoExchange;
  /** Null at the side that was dialled. */
  readonly connect: ConnectOptions | null;
  readonly originKey: string;
}

export interface Connection extends FixedConnection {
  readonly role: 'client' | 'server';
  readonly startedAt: number;
  peer: PeerAddress;
  answered: boolean;
  /** Where the peer has last proven to be, while it isn't proven to be at `peer`. */
  provenPeer: PeerAddress;
  channel: SecureChannel | null;
  schedule: KeySchedule | null;
  flow: Flow | null;
  handle: number;
  sendEpoch: number;
  receiveEpoch: number;
  /** Sealed packets may leave from here on. */
  sealedFrom: number;
}

export const newConnection = (fixed: FixedConnection, now: number): Connection => ({
  ...fixed,
  role: fixed.connect === null ? 'server' : 'client',
  startedAt: now,
  peer: { address: '', port: 0 },
  answered: false,
  provenPeer: { address: '', port: 0 },
  channel: null,
  schedule: null,
  flow: null,
  handle: -1,
  sendEpoch: 0,
  receiveEpoch: 0,
  sealedFrom: 0,
});
