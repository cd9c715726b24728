/** What the main thread and the scan thread tell each other. */
import type { ErrorCode } from '@jetstream/contract';
import type { ScanTotals } from './scan.js';
import type { ScanOrder } from './scan-runner.js';

/** To the scan thread. */
export type ScanCommand =
  | { readonly kind: 'scan'; readonly order: ScanOrder }
  | { readonly kind: 'cancel'; readonly manifestId: string };

/** From the scan thread: the end of one scan. */
export type ScanReply =
  | { readonly manifestId: string; readonly kind: 'done'; readonly totals: ScanTotals }
  | {
      readonly manifestId: string;
      readonly kind: 'failed';
      readonly code: ErrorCode;
      readonly message: string;
    };
