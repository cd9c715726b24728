/** What an endpoint is made of, what a new flow is asked for, and who takes it. */
import type { ChunkInbox } from './chunk-inbox.js';
import type { Flow } from './flow.js';
import type { FlowEvents } from './flow-options.js';
import type { PacketIO, PeerAddress } from './packet-io.js';
import type { RatePolicyName } from './rate-policy.js';
import type { OpenSecureChannel } from './secure-channel.js';
import type { SendGate } from './send-gate.js';

export interface AcceptedFlow {
  readonly events: FlowEvents;
  readonly inbox: ChunkInbox;
  /** Called once with the flow, before it receives anything. */
  ready(flow: Flow): void;
}

export interface ConnectOptions {
  readonly peer: PeerAddress;
  /** Raw Ed25519 key the peer must hold; null accepts any. */
  readonly peerKey: Uint8Array | null;
  readonly minCipher: number;
  /** Bytes per microsecond; Infinity for none. */
  readonly rateMax: number;
  readonly rateHint: number;
  /** How to share the path; fair when absent. */
  readonly policy?: RatePolicyName;
  /** Share of packets lost, 0 to 1, above which a fixed rate is given up; that of the policy if absent. */
  readonly lossMax?: number;
  /** The peer has answered at all: packets pass both ways. At most once. */
  answered?(): void;
  connected(peerKey: Uint8Array): AcceptedFlow;
  failed(reason: 'timeout' | 'refused', message: string): void;
}

export interface EndpointOptions {
  readonly io: PacketIO;
  readonly arena: Uint8Array;
  /** Start of `ENDPOINT_SCRATCH_BYTES` of the arena for the endpoint's own use. */
  readonly scratchOffset: number;
  readonly keyEpochShift: number;
  readonly minCipher: number;
  readonly openSecureChannel: OpenSecureChannel;
  /** Uniform 32-bit numbers. */
  readonly random: () => number;
  /** Cookie for an address, at most 64 bytes, keyed by a secret of this process. */
  readonly cookieFor: (peer: PeerAddress) => Uint8Array;
  /** Largest payload to try on the way to a peer; absent tries all sizes. */
  readonly payloadBytesMax?: (peer: PeerAddress) => number;
  /** Where streams carry the packets: bytes that those to a peer take now, see `FlowOptions`. */
  readonly streamRoom?: (peer: PeerAddress) => number;
  /** Ceiling that all flows share. */
  readonly gate?: SendGate;
  /** A peer has finished a handshake with us. Text refuses it, and tells the peer why. */
  accept(peer: { address: PeerAddress; key: Uint8Array }): AcceptedFlow | string;
  /** A discovery packet came in; hostile until its id is one that was given out. */
  discovered?(id: Uint8Array, from: PeerAddress): void;
  /** Something happened outside `step`: it should run soon. */
  wake(): void;
}
