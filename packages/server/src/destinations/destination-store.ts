/** Where destinations are kept. */
import type { DestinationStructure } from '@jetstream/contract';
import type { RatePolicy } from '../data/data-plane.js';
import type { Ownership } from '../sessions/caller.js';

/** A destination as it is stored. */
export interface DestinationRecord extends Ownership {
  readonly id: string;
  /** Host name or IP, without brackets. */
  readonly address: string;
  readonly port: number;
  /** TCP port of its control channel; null when its number is that of the data port. */
  readonly controlPort: number | null;
  /** Key that the user has named; null when the first contact decides. */
  readonly permittedPublicKey: string | null;
  /** Key that the receiver must prove to hold; null before the first contact. */
  readonly publicKey: string | null;
  /** Secret: API token of the receiver. It never leaves the server but to that receiver. */
  readonly token: string | null;
  /** kbit/s, null for no ceiling. */
  readonly sendRateMax: number | null;
  readonly rateControlMethod: RatePolicy;
  readonly minCipher: number;
  readonly creationTimeUs: number;
  /** Address that the last flow went to. */
  readonly ip: string | null;
  readonly lastServerId: string | null;
  readonly lastServerUid: string | null;
  readonly lastErrorUs: number | null;
  readonly lastErrorMessage: string | null;
  readonly lastRecvTimeUs: number | null;
  readonly lastSendTimeUs: number | null;
  readonly userData: DestinationStructure['userData'];
}

/** Persistence of destinations; writes resolve when they are durable. */
export interface DestinationStore {
  insert(record: DestinationRecord): Promise<void>;
  update(record: DestinationRecord): Promise<void>;
  remove(id: string): Promise<void>;
  /** Removes all of them. */
  clear(): Promise<void>;
  /** All of them, oldest first. */
  all(): Promise<DestinationRecord[]>;
}
