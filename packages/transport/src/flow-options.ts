/** What a flow tells its owner, and what it is made of. */
import type { Credit } from './ack-frame.js';
import type { ChunkInbox } from './chunk-inbox.js';
import type { ChunkSent } from './chunk-outbox.js';
import type { Message } from './messages.js';
import type { RatePolicyName } from './rate-policy.js';
import type { SendGate } from './send-gate.js';

export interface FlowEvents {
  message(message: Message): void;
  /** A sent chunk has arrived; its arena slot is free. */
  chunkAcked(channel: number, chunk: number, offset: number, sent: ChunkSent): void;
  /** New credit from the peer: chunks of the channel below `chunkLimit` may be sent. */
  credit(channel: number, chunkLimit: number): void;
  /** Credit to give to the peer now. */
  credits(): readonly Credit[];
  /** Most that we want to receive, bytes per microsecond; absent or Infinity for no limit. */
  receiveRateMax?(): number;
  closed(end: { by: 'peer' | 'us' | 'timeout'; code: number; reason: string }): void;
}

export interface FlowOptions {
  readonly connection: number;
  readonly arena: Uint8Array;
  /** Where control payloads are built: one `CONTROL_BYTES_MAX` cell per batch position. */
  readonly scratchOffset: number;
  /** Zeroed arena bytes, as many as the largest probe. */
  readonly paddingOffset: number;
  readonly inbox: ChunkInbox;
  /** Ceiling shared with other flows. */
  readonly gate?: SendGate;
  readonly events: FlowEvents;
  readonly rttUs: number;
  /** Bytes per microsecond. */
  readonly rateMax: number;
  readonly rateHint: number;
  /** How to share the path; fair when absent. */
  readonly policy?: RatePolicyName;
  /** Share of packets lost, 0 to 1, above which a fixed rate is given up; that of the policy if absent. */
  readonly lossMax?: number;
  readonly payloadBytesMax: number;
  /**
   * Bytes that the reliable streams under this flow take now. Absent over datagrams. With it only what
   * the peer had no memory for is ever sent again, and the back-pressure of the streams takes the place
   * of congestion control.
   */
  readonly streamRoom?: () => number;
  readonly now: number;
}
