/** Methods about files. Paths are parsed here, before anything is submitted. */
import { CommandError, type Params } from '@jetstream/contract';
import { shownPath } from '../adapters/disk/disk-error.js';
import { type CallContext, callerOf, type Handlers } from '../control/handler.js';
import type { EventLog } from '../events/event-log.js';
import type { StoredJson } from '../requests/stored-json.js';
import { parseSandboxPath } from '../sandboxes/sandbox-path.js';
import type { Caller } from '../sessions/caller.js';
import { type FileChange, recordChange } from './file-events.js';
import type { FileOperations } from './file-operations.js';
import type { FileTask, HashRequest, Place } from './file-task.js';
import { FILE_LIMITS } from './limits.js';

type ReadingMethod = 'lsAsync' | 'lsListAsync' | 'lsRootsAsync' | 'duAsync';
type ChangingMethod = 'mkdirAsync' | 'mkFileAsync' | 'mvAsync' | 'rmAsync';
export type FileMethod = ReadingMethod | ChangingMethod;

type HashParams = Pick<Params<'lsAsync'>, 'calculateHashType' | 'hashPartSize'>;

/**
 * The place that a path names for a caller.
 *
 * @throws {CommandError} `path_invalid`, `name_too_long`, or `path_not_found` without such a root.
 */
export const placeOf = (caller: Caller, path: string): Place => {
  const { rootName, components } = parseSandboxPath(path, new Set(caller.roots.keys()));
  const root = caller.roots.get(rootName);
  if (root === undefined) {
    throw new CommandError(
      'path_not_found',
      `Cannot use the path ${shownPath(path)}: no such root`,
    );
  }
  return { root, rootName, components };
};

/** What `calculateHashType` and `hashPartSize` ask for. */
const hashOf = (params: HashParams): HashRequest | null => {
  const asked = params.calculateHashType ?? [];
  const types = [...new Set(typeof asked === 'string' ? [asked] : asked)];
  const partBytes = params.hashPartSize ?? FILE_LIMITS.s3PartBytes;
  return types.length === 0 ? null : { types, partBytes };
};

/** Methods that change nothing. */
const readingHandlers = (files: FileOperations): Handlers<ReadingMethod> => ({
  lsAsync: ({ path, directory, ...hashParams }, call) => {
    const task = {
      kind: 'list',
      place: placeOf(callerOf(call), path),
      directory: directory ?? false,
      hash: hashOf(hashParams),
      draftPath: files.draftPath(),
    } as const;
    return call.submit('lsAsync', (work): Promise<StoredJson> => files.run(task, work));
  },

  lsListAsync: ({ pathList, statOnly, ...hashParams }, call) => {
    const caller = callerOf(call);
    const task = {
      kind: 'listPaths',
      places: pathList.map((path) => placeOf(caller, path)),
      directory: statOnly ?? false,
      hash: hashOf(hashParams),
      draftPath: files.draftPath(),
    } as const;
    return call.submit('lsListAsync', (work): Promise<StoredJson> => files.run(task, work));
  },

  lsRootsAsync: (_params, call) => {
    const roots = [...callerOf(call).roots];
    return call.submit('lsRootsAsync', (work) => files.run({ kind: 'roots', roots }, work));
  },

  duAsync: ({ path }, call) => {
    const place = placeOf(callerOf(call), path);
    return call.submit('duAsync', (work) => files.run({ kind: 'sizes', place }, work));
  },
});

/** The method whose event it is. */
const METHOD_OF = {
  directoryCreated: 'mkdirAsync',
  fileCreated: 'mkFileAsync',
  pathMoved: 'mvAsync',
  pathRemoved: 'rmAsync',
} as const satisfies Record<FileChange['event'], ChangingMethod>;

/** Methods that change files; the event log tells of each. */
const changingHandlers = (files: FileOperations, events: EventLog): Handlers<ChangingMethod> => {
  const start = (call: CallContext, change: FileChange, task: FileTask) => {
    const who = { caller: callerOf(call), change };
    return call.submit(METHOD_OF[change.event], (work) =>
      recordChange(events, who, () => files.run(task, work)),
    );
  };
  return {
    mkdirAsync: ({ path }, call) => {
      const place = placeOf(callerOf(call), path);
      const change = { event: 'directoryCreated', place } as const;
      return start(call, change, { kind: 'mkdir', place });
    },

    mkFileAsync: ({ path, size, fillRandom, modifyExisting }, call) => {
      const place = placeOf(callerOf(call), path);
      const change = { event: 'fileCreated', place, size } as const;
      return start(call, change, {
        kind: 'makeFile',
        place,
        size,
        fillRandom: fillRandom ?? false,
        modifyExisting: modifyExisting ?? false,
      });
    },

    mvAsync: ({ path, newPath }, call) => {
      const place = placeOf(callerOf(call), path);
      const newPlace = placeOf(callerOf(call), newPath);
      const change = { event: 'pathMoved', place, newPlace } as const;
      return start(call, change, { kind: 'move', from: place, to: newPlace });
    },

    rmAsync: ({ path }, call) => {
      const place = placeOf(callerOf(call), path);
      const change = { event: 'pathRemoved', place } as const;
      return start(call, change, { kind: 'remove', place });
    },
  };
};

/** Handlers over the file operations. */
export const fileHandlers = (files: FileOperations, events: EventLog): Handlers<FileMethod> => ({
  ...readingHandlers(files),
  ...changingHandlers(files, events),
});
