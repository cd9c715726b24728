/**
 * Gives finished content its final name, as the overwrite mode says. Each way is one rename, or can be
 * taken again after a break in its middle.
 *
 * Where the file system does not tell "a" from "A", two files of one transfer could meet in one name
 * and the later would silently replace the earlier: there the names that this transfer has used are
 * remembered, and the later file fails.
 */
import { CommandError, OVERWRITE_BACKUP, OVERWRITE_NEVER } from '@jetstream/contract';
import type { ConfinedRoot } from '../adapters/disk/confined-root.js';
import { diskError, errnoOf, shownPath } from '../adapters/disk/disk-error.js';

/** What the mode 5 adds to the name of the file that was there. */
export const BACKUP_SUFFIX = '.jetbak';

/** Names below the root. */
type Components = readonly string[];

/** What is needed of the root. */
export type NamesRoot = Pick<
  ConfinedRoot,
  'exists' | 'lstat' | 'rename' | 'renameNoReplace' | 'unlink'
>;

export interface TargetNamesOptions {
  readonly root: NamesRoot;
  /** Final names that an earlier attempt has given, as joined components. */
  published(): Iterable<string>;
}

const errno = (code: string): Error => Object.assign(new Error(code), { code });

const folded = (text: string): string => text.normalize('NFC').toLowerCase();

const flipped = (name: string): string =>
  name === name.toUpperCase() ? name.toLowerCase() : name.toUpperCase();

/** Whether a file that exists is also found under its name in other letters; null if unknown. */
const isCaseBlind = (root: NamesRoot, components: Components): boolean | null => {
  const name = components.at(-1) ?? '';
  const other = flipped(name);
  if (other === name) return null;
  const there = [...components.slice(0, -1), other];
  return root.exists(there) && root.lstat(there).ino === root.lstat(components).ino;
};

/** @see the head of this file */
export class TargetNames {
  readonly #options: TargetNamesOptions;
  #isBlind: boolean | null = null;
  /** Names that are taken, as the file system compares them, and as they were given. */
  #taken: Map<string, string> | null = null;

  constructor(options: TargetNamesOptions) {
    this.#options = options;
  }

  /** Finds out, by a file that exists, whether the file system tells cases apart. */
  probe(existing: Components): void {
    this.#isBlind ??= isCaseBlind(this.#options.root, existing);
  }

  /**
   * Takes a final name for a file.
   *
   * @throws {CommandError} `already_exists` if another file of this transfer has it in other letters.
   */
  claim(final: Components): void {
    if (this.#isBlind !== true) return;
    const text = final.join('/');
    this.#taken ??= new Map([...this.#options.published()].map((each) => [folded(each), each]));
    const other = this.#taken.get(folded(text));
    if (other !== undefined && other !== text) {
      throw new CommandError(
        'already_exists',
        `Cannot write ${shownPath(`/${text}`)}: on this file system it is the same name as ` +
          `${shownPath(`/${other}`)}, which this transfer has delivered`,
      );
    }
    this.#taken.set(folded(text), text);
  }

  /** Renames `work`; the content is durable already. */
  publish(work: Components, final: Components, overwriteMode: number): void {
    this.probe(work);
    this.claim(final);
    if (overwriteMode === OVERWRITE_NEVER) {
      this.#publishNew(work, final);
      return;
    }
    if (overwriteMode === OVERWRITE_BACKUP) this.#backUp(final);
    this.#options.root.rename(work, final);
  }

  #publishNew(work: Components, final: Components): void {
    const { root } = this.#options;
    try {
      root.renameNoReplace(work, final);
    } catch (error) {
      // A break between the two steps of a rename by link leaves both names on one file.
      const isDone = errnoOf(error) === 'EEXIST' && root.lstat(work).ino === root.lstat(final).ino;
      if (!isDone) throw error;
      root.unlink(work);
    }
  }

  #backUp(final: Components): void {
    const { root } = this.#options;
    if (!root.exists(final)) return;
    if (root.lstat(final).isDirectory()) {
      throw diskError('replace', `/${final.join('/')}`, errno('EISDIR'));
    }
    const backup = `${final.at(-1) ?? ''}${BACKUP_SUFFIX}`;
    try {
      root.rename(final, [...final.slice(0, -1), backup]);
    } catch (error) {
      if (errnoOf(error) !== 'ENAMETOOLONG') throw error;
      throw diskError(
        'keep what was there as',
        `/${[...final.slice(0, -1), backup].join('/')}`,
        errno('ENAMETOOLONG'),
      );
    }
  }
}
