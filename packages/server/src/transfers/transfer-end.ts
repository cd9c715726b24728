import type { ErrorCode } from '@jetstream/contract';
import type { StopAftermath } from '../data/data-plane.js';

/** Why and how a user ends a transfer. */
export interface TransferEnd {
  readonly status: 'cancelled' | 'error';
  readonly code: ErrorCode;
  readonly message: string;
  readonly aftermath: StopAftermath;
}
