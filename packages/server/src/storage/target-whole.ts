/**
 * A transfer that appears at once: everything is published in a hidden directory beside the
 * destination, which gets the name of the destination when all is there and durable.
 *
 * What is at the destination is never merged with or thrown away. An empty directory gives way; with
 * the mode that keeps backups, anything does, under its backup name; all else is a conflict.
 */
import { OVERWRITE_BACKUP, OVERWRITE_NEVER } from '@jetstream/contract';
import type { ConfinedRoot } from '../adapters/disk/confined-root.js';
import { diskError, errnoOf, shownPath } from '../adapters/disk/disk-error.js';
import { removeTree } from '../files/remove-tree.js';
import { StorageError } from './storage.js';
import { BACKUP_SUFFIX } from './target-names.js';
import { syncDirectories } from './target-sync.js';

type Components = readonly string[];

export interface TargetWholeOptions {
  readonly root: ConfinedRoot;
  /** Components of the destination; at least one. */
  readonly final: Components;
  /** Name of the directory beside it. */
  readonly stageName: string;
  readonly overwriteMode: number;
}

const parentOf = (components: Components): Components => components.slice(0, -1);

const asStorageError = (error: unknown, path: string): StorageError => {
  const { code, message } = diskError('publish', path, error);
  return new StorageError(code, message, { cause: error });
};

/** @see the head of this file */
export class TargetWhole {
  /** Where everything goes meanwhile. */
  readonly stage: Components;
  readonly #options: TargetWholeOptions;

  constructor(options: TargetWholeOptions) {
    this.#options = options;
    this.stage = [...parentOf(options.final), options.stageName];
  }

  /**
   * Makes the stage, unless the destination would be in the way at the end.
   *
   * @throws {StorageError} `already_exists`, or what the disk says.
   */
  begin(): void {
    const { root, final, overwriteMode } = this.#options;
    try {
      if (overwriteMode !== OVERWRITE_BACKUP && this.#isInTheWay()) throw this.#conflict();
      root.makeDirectories(this.stage);
    } catch (error) {
      if (error instanceof StorageError) throw error;
      throw asStorageError(error, `/${final.join('/')}`);
    }
  }

  /**
   * Gives the stage its name and makes that durable; may be called again after a break.
   *
   * @param wasBegun Whether an earlier call may have come to its end already.
   * @throws {StorageError} `already_exists`, or what the disk says.
   */
  async publish(wasBegun: boolean): Promise<void> {
    const { root, final, overwriteMode } = this.#options;
    try {
      if (root.exists(this.stage)) {
        if (overwriteMode === OVERWRITE_BACKUP && root.exists(final)) this.#backUp();
        if (this.#isInTheWay()) throw this.#conflict();
        root.rename(this.stage, final);
      } else if (!wasBegun) {
        throw Object.assign(new Error('the stage is gone'), { code: 'ENOENT' });
      }
      await syncDirectories(root, [parentOf(final), final]);
    } catch (error) {
      if (error instanceof StorageError) throw error;
      const raced = ['ENOTEMPTY', 'ENOTDIR', 'EEXIST'].includes(errnoOf(error));
      throw raced ? this.#conflict() : asStorageError(error, `/${final.join('/')}`);
    }
  }

  /** Removes the stage with everything in it. */
  remove(): void {
    const { root } = this.#options;
    try {
      const steps = removeTree(root, this.stage, () => undefined);
      while (steps.next().done !== true);
    } catch {
      // It was never made, or the disk refuses: nothing depends on its absence.
    }
  }

  #isInTheWay(): boolean {
    const { root, final, overwriteMode } = this.#options;
    if (!root.exists(final)) return false;
    if (overwriteMode === OVERWRITE_NEVER || !root.lstat(final).isDirectory()) return true;
    for (const _ of root.readDirectory(final)) return true;
    return false;
  }

  #backUp(): void {
    const { root, final } = this.#options;
    const name = `${final.at(-1) ?? ''}${BACKUP_SUFFIX}`;
    root.rename(final, [...parentOf(final), name]);
  }

  #conflict(): StorageError {
    const path = shownPath(`/${this.#options.final.join('/')}`);
    const expected = 'expected nothing there, or an empty directory';
    return new StorageError(
      'already_exists',
      `Cannot publish ${path} as a whole: it exists already, ${expected}`,
    );
  }
}
