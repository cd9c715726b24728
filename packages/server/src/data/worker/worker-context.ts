/** What the parts of a data worker share. */
import type { Endpoint } from '@jetstream/transport';
import type { Storage } from '../../storage/storage.js';
import type { RateMemory } from './rate-memory.js';
import type { SlotPool } from './slot-pool.js';
import type { StreamSide } from './stream-side.js';
import type { UdpMemory } from './udp-memory.js';
import type { DataWorkerOptions, FromWorker } from './worker-messages.js';

export interface WorkerContext {
  readonly options: DataWorkerOptions;
  /** For flows over UDP. */
  readonly endpoint: Endpoint;
  /** For flows over TCP; null when they are switched off. */
  readonly streams: Pick<StreamSide, 'endpoint' | 'dial' | 'use'> | null;
  readonly udpMemory: UdpMemory;
  readonly storage: Storage;
  readonly arena: Uint8Array;
  readonly sendSlots: SlotPool;
  readonly receiveSlots: SlotPool;
  readonly rates: RateMemory;
  /** Monotonic microseconds. */
  now(): number;
  post(message: FromWorker): void;
  /** Runs the protocol soon, because there is something new to send. */
  wake(): void;
  /** Calls back after a delay; the returned function cancels. */
  after(ms: number, run: () => void): () => void;
}

/** Short id of a peer's key, for names of journals. */
export const KEY_ID_LENGTH = 16;
