import type { PeerFacts, SendProgress } from '../data/data-plane.js';
import type { DestinationRecord } from '../destinations/destination-store.js';

/** What the engine needs to know and tell of destinations. */
export interface EngineDestinations {
  record(destinationId: string): DestinationRecord | null;
  attemptStarted(destinationId: string, transferId: string): void;
  peerSeen(destinationId: string, peer: PeerFacts): boolean;
  progress(destinationId: string, transferId: string, progress: SendProgress): void;
  attemptEnded(destinationId: string, transferId: string, error: string | null): void;
}
