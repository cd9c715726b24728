import type { CommandError } from '@jetstream/contract';
import type { ListTotals, Source } from '../../storage/storage.js';
import type { FileError } from '../data-plane.js';
import type { CompleteBody } from './peer-messages.js';

/** How a job ended; an interruption is worth another attempt. */
export type SendJobEnd =
  | {
      readonly kind: 'complete';
      readonly summary: CompleteBody;
      readonly errors: readonly FileError[];
      readonly totals: ListTotals;
      /** When this attempt began, microseconds since the epoch. */
      readonly startTime: number;
      /** Open, for whoever writes the receipt to close. */
      source(): Promise<Source>;
    }
  | { readonly kind: 'failed' | 'interrupted'; readonly error: CommandError };

/** What the link of a job hears of it. */
export interface SendJobEvents {
  started(): void;
  ended(end: SendJobEnd): void;
}
