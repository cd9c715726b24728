/** What a scan needs of a directory tree; `ConfinedRoot` offers it. */
import type { BigIntStats } from 'node:fs';

/** Kind, identity and facts of one name. */
export type FileStatus = Pick<
  BigIntStats,
  | 'dev'
  | 'ino'
  | 'size'
  | 'mode'
  | 'mtimeNs'
  | 'isFile'
  | 'isDirectory'
  | 'isSymbolicLink'
  | 'isSocket'
  | 'isFIFO'
>;

/** A directory that nothing leaves. */
export interface ScanRoot {
  /** Status of the name itself; of the root for no components. */
  lstat(components: readonly string[]): FileStatus;
  /** Status of what the name leads to. */
  stat(components: readonly string[]): FileStatus;
  /** Text of a link. */
  readLink(components: readonly string[]): string;
  /** Names in a directory, read piece by piece. */
  readDirectory(components: readonly string[]): Iterable<{ readonly name: string }>;
  /** The directory below as a root of its own. */
  within(components: readonly string[]): ScanRoot;
  close(): void;
}
