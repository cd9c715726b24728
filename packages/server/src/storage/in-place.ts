/** What may be written over in place. */
import type { BigIntStats } from 'node:fs';

/**
 * Why what stands under a final name is kept; null when it may be written over.
 *
 * @param size What is to be written, where only the same size or an empty file is written over; else
 * null.
 */
export const inPlaceFault = (stat: BigIntStats, size: number | null): string | null => {
  if (!stat.isFile()) return 'what is there is no regular file';
  if (size === null || stat.size === 0n || stat.size === BigInt(size)) return null;
  return `the file there has ${stat.size} bytes, expected ${size} or none`;
};
