/** Faults that say nothing about one file: the transfer ends, and goes on later. */
import { CommandError } from '@jetstream/contract';
import { StorageError } from './storage.js';

const ENDS_TRANSFER: ReadonlySet<string> = new Set(['disk_full', 'agent_unavailable']);

/** Whether an error of the disk concerns all files of a transfer. */
export const endsTransfer = (code: string): boolean => ENDS_TRANSFER.has(code);

/** False for a file that cannot be looked at; what says nothing about the file is thrown on. */
export const notThere = (error: unknown): false => {
  if (error instanceof CommandError && error.code === 'agent_unavailable') {
    throw new StorageError(error.code, error.message, { cause: error });
  }
  return false;
};
