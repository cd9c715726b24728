/** What changes files is told to the event log when it has ended, also when it has failed. */
import { CommandError } from '@jetstream/contract';
import type { EventLog } from '../events/event-log.js';
import { formatSandboxPath } from '../sandboxes/sandbox-path.js';
import { type Caller, ownershipOf } from '../sessions/caller.js';
import type { Place } from './file-task.js';

/** A change of files that somebody asked for. */
export type FileChange =
  | { readonly event: 'directoryCreated' | 'pathRemoved'; readonly place: Place }
  | { readonly event: 'fileCreated'; readonly place: Place; readonly size: number }
  | { readonly event: 'pathMoved'; readonly place: Place; readonly newPlace: Place };

const append = (
  events: EventLog,
  { caller, change }: { readonly caller: Caller; readonly change: FileChange },
  errorCode: string | null,
): Promise<void> => {
  const facts = { path: formatSandboxPath(change.place), errorCode, ...ownershipOf(caller) };
  switch (change.event) {
    case 'fileCreated':
      return events.append('fileCreated', { ...facts, size: change.size });
    case 'pathMoved':
      return events.append('pathMoved', { ...facts, newPath: formatSandboxPath(change.newPlace) });
    default:
      return events.append(change.event, facts);
  }
};

/**
 * Does the work; its end is known to the caller only after the log knows it. A failure is an event
 * too, because a part of the work may have been done.
 */
export const recordChange = async <T>(
  events: EventLog,
  who: { readonly caller: Caller; readonly change: FileChange },
  work: () => Promise<T>,
): Promise<T> => {
  let result: T;
  try {
    result = await work();
  } catch (error) {
    await append(events, who, error instanceof CommandError ? error.code : 'internal');
    throw error;
  }
  await append(events, who, null);
  return result;
};
