/**
 * The life of a transfer at the sender, as one table. Nothing else decides what may follow what;
 * docs/TRANSFERS.md draws it.
 *
 * ```
 * pending ──► queued ◄──────► active ──► complete
 *              │ ▲ ▲            │  └───► error ───────┐
 *              ▼ │ └────────────┼────────────────────┐│ by retryTransfer
 *             suspended ◄───────┘   cancelled ───────┴┘
 * ```
 *
 * Every state on the left, `active` and `suspended` may become `error` or `cancelled`.
 *
 * - `pending`: acknowledged and durable, not yet in the queue of its destination.
 * - `queued`: waits for its turn, or for the pause after a broken attempt to pass.
 * - `active`: handed to the data plane.
 * - `suspended`: kept out of the queue by a user; progress is kept.
 * - `complete`: every file is delivered and durable.
 * - `error`: it will not go on by itself; also when single files failed, see `transfer-outcome.ts`.
 * - `cancelled`: ended by a user.
 */
import type { TRANSFER_STATES } from '@jetstream/contract';

/** One of the words that `send.getTransfer` shows as `status`. */
export type TransferState = (typeof TRANSFER_STATES)[number];

/** States that may follow each state. */
export const TRANSFER_TRANSITIONS: Readonly<Record<TransferState, readonly TransferState[]>> = {
  pending: ['queued', 'error', 'cancelled'],
  queued: ['active', 'suspended', 'error', 'cancelled'],
  active: ['queued', 'suspended', 'complete', 'error', 'cancelled'],
  suspended: ['queued', 'error', 'cancelled'],
  complete: [],
  error: ['queued'],
  cancelled: ['queued'],
};

/** States in which a transfer still needs its manifest and destination. */
export const UNFINISHED_STATES: readonly TransferState[] = [
  'pending',
  'queued',
  'active',
  'suspended',
];

/** Whether a transfer in this state has ended; only a user can make it go on then. */
export const hasEnded = (state: TransferState): boolean => !UNFINISHED_STATES.includes(state);

/** Whether the table allows the step. */
export const mayBecome = (from: TransferState, to: TransferState): boolean =>
  TRANSFER_TRANSITIONS[from].includes(to);
