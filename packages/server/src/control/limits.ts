/**
 * Limits of the control channel. Each has a row in docs/LIMITS.md.
 *
 * @see docs/LIMITS.md, "Control channel"
 */
import { RPC_LIMITS } from '@jetstream/contract';

const KIB = 1024;
const MIB = 1024 * KIB;
const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;

export const CONTROL_LIMITS = {
  messageBytesMax: RPC_LIMITS.messageBytesMax,
  /** Bytes of a message of somebody who has not logged in. */
  strangerMessageBytesMax: 64 * KIB,
  /** Bytes of messages that are being received or answered, beyond the first of each, of one user and of all. */
  heldBytesPerUserMax: 256 * MIB,
  heldBytesMax: 1024 * MIB,
  batchCallsMax: RPC_LIMITS.batchCallsMax,
  /** Calls of one session that have no reply yet. */
  openCallsPerSessionMax: 1024,
  sessionsMax: 10_000,
  sessionsPerAddressMax: 2_048,
  connectionsMax: 12_000,
  /** From one client, so that nobody holds all of them. */
  connectionsPerClientMax: 9_000,
  /** How often it is logged that a client has reached that number. */
  connectionsRefusedLogMs: MINUTE_MS,
  /** To receive the first TLS message of a connection. */
  firstMessageMs: 20 * SECOND_MS,
  /** For the whole TLS handshake. */
  handshakeMs: 20 * SECOND_MS,
  httpHeaderBytesMax: 16 * KIB,
  httpHeadersTimeoutMs: 20 * SECOND_MS,
  /** How often HTTP looks at the clocks of its connections. */
  httpCheckMs: 5 * SECOND_MS,
  /** To receive one whole HTTP request; calls that wait are not limited by it. */
  httpRequestTimeoutMs: 5 * MINUTE_MS,
  httpKeepAliveMs: 72 * SECOND_MS,
  /** Unsent replies of one session after which the server stops reading from it. */
  unsentBytesPause: 4 * MIB,
  /** Unsent bytes after which notifications close a session that does not read. */
  unsentBytesMax: 32 * MIB,
  /** How long clients may take to say goodbye when the server stops. */
  closeMs: SECOND_MS,
  /** A session that answers no ping for two of these is closed. */
  pingIntervalMs: 30 * SECOND_MS,
  /** A session without a login that calls nothing is closed. */
  anonymousIdleMs: 5 * MINUTE_MS,
  /** Parts in which results that lie in files are sent. */
  resultPartBytes: 256 * KIB,
  /** Characters of an actual value that an error message repeats. */
  shownCharactersMax: 100,
} as const;
