import { randomInt } from 'node:crypto';
import { CommandError } from '@jetstream/contract';
import { ChunkArena } from './chunk-arena.js';
import { DiscardTarget } from './discard-target.js';
import { LocalSource } from './local-source.js';
import type { LocalTarget } from './local-target.js';
import { checkTargetOptions, openLocalTarget } from './open-target.js';
import { type Storage, StorageError } from './storage.js';

/** Errors of the disk side carry one class, so that they cross a thread border alike. */
const asStorageError = (error: unknown): unknown =>
  error instanceof CommandError
    ? new StorageError(error.code, error.message, { cause: error })
    : error;

/** The disk side in the thread that calls: what a disk thread runs, and tests. */
export const createLocalStorage = (options: { readonly arena: SharedArrayBuffer }): Storage => {
  const arena = new ChunkArena(options.arena);
  const sources = new Set<LocalSource>();
  const targets = new Set<LocalTarget>();
  const journals = new Set<string>();
  return {
    async openSource(sourceOptions) {
      let source: LocalSource | null = null;
      try {
        for (const each of sources) if (each.isClosed) sources.delete(each);
        source = new LocalSource(arena, sourceOptions);
        sources.add(source);
        await source.begin();
        return source;
      } catch (error) {
        await source?.close();
        throw asStorageError(error);
      }
    },
    async openTarget(targetOptions) {
      try {
        if (targetOptions.writes === false) {
          checkTargetOptions(targetOptions);
          return new DiscardTarget(arena, targetOptions, randomInt(2 ** 32));
        }
        for (const target of targets) if (target.isClosed) targets.delete(target);
        const target = openLocalTarget(arena, targetOptions, journals);
        targets.add(target);
        return target;
      } catch (error) {
        throw asStorageError(error);
      }
    },
    async stop() {
      for (const source of sources) await source.close();
      for (const target of targets) await target.suspend();
    },
  };
};
