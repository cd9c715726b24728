/**
 * What the account of a directory may do with the entries of one directory: read 4, write 2, execute 1. Most
 * answers follow from the mode; the kernel is asked where access lists or mounts could matter, since
 * a question costs as much as everything else about an entry.
 */
import fs from 'node:fs';
import type { ConfinedRoot } from '../adapters/disk/confined-root.js';

const { R_OK, W_OK, X_OK } = fs.constants;
const OWNER_SHIFT = 6;
const ANY_READ = 0o444;
const ANY_WRITE = 0o222;
const ANY_EXECUTE = 0o111;
const ALL = 7;
const READ = 4;
const WRITE = 2;
const EXECUTE = 1;

export class AccessProbe {
  readonly #directory: ConfinedRoot;
  readonly #uid: number;
  readonly #device: bigint;
  /** Whether the file system takes writes; null when that cannot be told from the directory. */
  readonly #writable: boolean | null;

  /** @param directory The directory itself, opened as a root. */
  constructor(directory: ConfinedRoot) {
    this.#directory = directory;
    this.#uid = directory.userId;
    const status = directory.lstat([]);
    this.#device = status.dev;
    const ownDirectory = status.uid === BigInt(this.#uid) && (Number(status.mode) & 0o200) !== 0;
    this.#writable = directory.accessible([], W_OK)
      ? true
      : ownDirectory || this.#uid === 0
        ? false
        : null;
  }

  /** Bits for an entry of the directory, or for the directory itself without a name. */
  bits(name: string | null, status: fs.BigIntStats): number {
    // A link's own mode says nothing; what it leads to may lie where the caller must not look.
    if (status.isSymbolicLink()) return ALL;
    const mode = Number(status.mode);
    if (name !== null && status.dev === this.#device && this.#writable !== null) {
      if (this.#uid === 0) return this.#rootBits(mode, status.isDirectory());
      if (status.uid === BigInt(this.#uid)) {
        return (mode >> OWNER_SHIFT) & (this.#writable ? ALL : ALL - WRITE);
      }
    }
    return this.#ask(name === null ? [] : [name], mode);
  }

  #rootBits(mode: number, isDirectory: boolean): number {
    const execute = isDirectory || (mode & ANY_EXECUTE) !== 0 ? EXECUTE : 0;
    return READ + (this.#writable === true ? WRITE : 0) + execute;
  }

  #ask(components: readonly string[], mode: number): number {
    const may = (anyone: number, question: number): boolean =>
      ((mode & anyone) !== 0 || this.#uid === 0) &&
      this.#directory.accessible(components, question);
    return (
      (may(ANY_READ, R_OK) ? READ : 0) +
      (may(ANY_WRITE, W_OK) ? WRITE : 0) +
      (may(ANY_EXECUTE, X_OK) ? EXECUTE : 0)
    );
  }
}
