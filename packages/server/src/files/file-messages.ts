/** Messages between the main thread and a file thread. */
import { CommandError, type ErrorCode } from '@jetstream/contract';
import type { FileTask, FileTaskResult } from './file-task.js';

export type FileCommand =
  | { readonly kind: 'run'; readonly id: number; readonly task: FileTask }
  | { readonly kind: 'cancel'; readonly id: number };

/** An error that crosses the border; without a code it is unexpected. */
export interface FileFailure {
  readonly code: ErrorCode | null;
  readonly message: string;
  readonly details: Record<string, unknown>;
}

export type FileReply =
  | {
      readonly kind: 'progress';
      readonly id: number;
      readonly counters: Readonly<Record<string, number>>;
    }
  | { readonly kind: 'done'; readonly id: number; readonly result: FileTaskResult }
  | { readonly kind: 'failed'; readonly id: number; readonly failure: FileFailure };

export const failureOf = (error: unknown): FileFailure => {
  if (error instanceof CommandError) {
    return { code: error.code, message: error.message, details: error.details };
  }
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { code: null, message, details: {} };
};

export const errorOf = (failure: FileFailure): Error =>
  failure.code === null
    ? new Error(`A file thread failed: ${failure.message}`)
    : new CommandError(failure.code, failure.message, { details: failure.details });
