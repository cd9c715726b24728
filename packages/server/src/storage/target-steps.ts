/** Steps that are taken with many files of a target, one after another. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { OVERWRITE_NEVER } from '@jetstream/contract';
import { errnoOf } from '../adapters/disk/disk-error.js';
import { ENTRY } from './entry-table.js';
import type { TargetParts } from './target-parts.js';

/** Files that are renamed or removed before requests get a turn. */
const FILES_PER_TURN = 200;
const SETTLED = ENTRY.failed | ENTRY.published;

/**
 * Takes a step with each file, and lets requests in between.
 *
 * @returns The files for which it worked; what failed is noted.
 */
export const attemptEach = async (
  { options, table, outcomes }: Pick<TargetParts, 'options' | 'table' | 'outcomes'>,
  indices: readonly number[],
  step: (index: number) => void,
): Promise<number[]> => {
  const done: number[] = [];
  for (const [position, index] of indices.entries()) {
    if (position % FILES_PER_TURN === FILES_PER_TURN - 1) await nextTurn();
    // A bad record may have come late.
    if (table.is(index, SETTLED)) continue;
    try {
      step(index);
      done.push(index);
    } catch (error) {
      const keepsPart = options.overwriteMode === OVERWRITE_NEVER && errnoOf(error) === 'EEXIST';
      outcomes.failBy(index, error, { keepsPart });
    }
  }
  return done;
};

/** Removes the part files of what has not come to its end. */
export const removeParts = async ({ table, files, isResumed }: TargetParts): Promise<void> => {
  let removals = 0;
  for (let index = 0; index < table.length; index += 1) {
    const mayExist = isResumed || table.is(index, ENTRY.begun);
    if (!mayExist || table.is(index, SETTLED)) continue;
    files.remove(index);
    removals += 1;
    if (removals % FILES_PER_TURN === 0) await nextTurn();
  }
};
