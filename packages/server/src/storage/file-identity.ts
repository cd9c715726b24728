/**
 * Which file a name leads to, and its state: the inode and when it was last changed, which no
 * program can set. Kept as text, `inode change`.
 */
import type fs from 'node:fs';

/** Identity of a file as it is now. */
export const identityOf = (stat: Pick<fs.BigIntStats, 'ino' | 'ctimeNs'>): string =>
  `${stat.ino} ${stat.ctimeNs}`;

/** Whether it is the same file and nobody has changed it since. */
export const isUnchanged = (known: string | null, now: string | null): boolean =>
  known !== null && known === now;

/** Whether it is the same file, which may have been written to since. */
export const isSameFile = (known: string | null, now: string | null): boolean => {
  if (known === null || now === null) return false;
  const [knownInode, knownChange] = known.split(' ');
  const [inode, change] = now.split(' ');
  return inode === knownInode && BigInt(change ?? 0) >= BigInt(knownChange ?? 0);
};
