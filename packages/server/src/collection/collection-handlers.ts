/** Methods of the garbage collection. */
import { callerOf, type Handlers } from '../control/handler.js';
import type { GarbageCollector } from './garbage-collector.js';

export type CollectionMethod =
  | 'garbageCollect'
  | 'getGarbageCollectSettings'
  | 'updateGarbageCollectSettings';

/** Handlers over the collector. */
export const collectionHandlers = (collector: GarbageCollector): Handlers<CollectionMethod> => ({
  garbageCollect: ({ force, dryRun }, call) =>
    collector.collect({
      force: force ?? false,
      dryRun: dryRun ?? false,
      by: callerOf(call).userName,
    }),
  getGarbageCollectSettings: () => collector.settings,
  updateGarbageCollectSettings: (change, call) => collector.update(change, callerOf(call).userName),
});
