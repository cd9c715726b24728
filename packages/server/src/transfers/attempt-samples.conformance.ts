/** What a data plane tells about peers and attempts, for tests. */
import type { PeerFacts, SendOutcome, SendProgress } from '../data/data-plane.js';

/** A key in its text form, from one byte. */
export const keyOf = (byte: number): string => Buffer.alloc(32, byte).toString('base64');

/** What a server says of itself. */
export const peerOf = (byte: number, address = '10.0.0.2'): PeerFacts => ({
  address,
  port: 8886,
  publicKey: keyOf(byte),
  serverId: `id-${byte}`,
  serverUid: `uid-${byte}`,
});

/** Progress of an attempt with the given numbers, zero for the others. */
export const progressOf = (change: Partial<SendProgress>): SendProgress => ({
  filesTotal: 0,
  bytesTotal: 0,
  bytesSent: 0,
  bytesAcked: 0,
  bytesRetransmitted: 0,
  bytesDurable: 0,
  linkBytesSent: 0,
  linkBytesReceived: 0,
  packetsSent: 0,
  packetsReceived: 0,
  sendRateKbps: 0,
  roundTripTimeMs: null,
  bottleneck: null,
  ...change,
});

export const COMPLETE: SendOutcome = { kind: 'complete', fileErrors: [], receiptPath: '/r.json' };
export const CANCELLED: SendOutcome = { kind: 'failed', code: 'cancelled', message: 'stopped' };
export const BROKEN: SendOutcome = { kind: 'interrupted', code: 'flow_failed', message: 'broke' };
