/** What is known of sending servers while this server runs: where they are and how fast they send. */
import type { SourceStructure } from '@jetstream/contract';
import type { Clock } from '../adapters/clock/clock.js';
import type { PeerFacts } from '../data/data-plane.js';
import { RateMeter } from './rate-meter.js';
import type { SourceCounts } from './receive-store.js';

/** Most senders that are remembered; the oldest without a flow goes first. */
export const SOURCES_MAX = 10_000;

interface Source {
  ip: string;
  port: number;
  isConnected: boolean;
  readonly meter: RateMeter;
}

/** Senders by identity key. */
export class SourceTable {
  readonly #clock: Clock;
  readonly #sources = new Map<string, Source>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A sender was heard of, or is gone. Servers that we only send to are no sources. */
  changed(peer: PeerFacts, state: 'connected' | 'disconnected', isSender = false): void {
    const known = this.#sources.get(peer.publicKey);
    if (known === undefined && !isSender) return;
    const source = known ?? this.#add(peer);
    source.isConnected = state === 'connected';
    source.ip = peer.address;
    source.port = peer.port;
  }

  /** Counts bytes that have arrived. */
  received(publicKey: string, bytes: number): void {
    this.#sources.get(publicKey)?.meter.add(bytes, this.#clock.monotonicMs());
  }

  /**
   * The structure of the API for one sender.
   *
   * @param counts Transfers that the caller may see.
   * @param activeCount How many of those that have not ended arrive now.
   */
  structure(counts: SourceCounts, activeCount: number): SourceStructure {
    const source = this.#sources.get(counts.peerKey);
    const { latest } = counts;
    return {
      sourceIP: source?.ip ?? latest.sourceIP,
      sourcePort: source?.port ?? latest.sourcePort,
      activeTransferCount: activeCount,
      inactiveTransferCount: Math.max(0, counts.receiving - activeCount),
      completeTransferCount: counts.complete,
      errorTransferCount: counts.error,
      aveRecvRate: source?.meter.averageKbps() ?? 0,
      aveRecvRateWindow: source?.meter.windowKbps(this.#clock.monotonicMs()) ?? 0,
      destinationPublicKey: counts.peerKey,
      encryptedConnectionState: source?.isConnected === true ? 'connected' : 'disconnected',
      encryptionEnabled: true,
    };
  }

  #add(peer: PeerFacts): Source {
    if (this.#sources.size >= SOURCES_MAX) {
      for (const [key, source] of this.#sources) {
        if (source.isConnected) continue;
        this.#sources.delete(key);
        break;
      }
    }
    const source = { ip: peer.address, port: peer.port, isConnected: true, meter: new RateMeter() };
    this.#sources.set(peer.publicKey, source);
    return source;
  }
}
