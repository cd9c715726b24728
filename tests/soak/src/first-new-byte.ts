/** When something is first written into a directory, part files included. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

const LOOK_INTERVAL_MS = 5;
const WAIT_MS_MAX = 60_000;

const lastWriteMs = (directory: string): number => {
  let last = 0;
  for (const name of readdirSync(directory)) {
    const stat = statSync(join(directory, name), { throwIfNoEntry: false });
    // Finished files carry the time of their source, so what they tell is old.
    if (stat !== undefined) last = Math.max(last, Math.min(stat.mtimeMs, stat.ctimeMs));
  }
  return last;
};

/**
 * Milliseconds from now to the first write into a file of `directory`.
 *
 * @throws {Error} When there is none for a minute.
 */
export const firstNewByte = async (directory: string): Promise<number> => {
  const start = Date.now();
  const last = lastWriteMs(directory);
  while (Date.now() - start < WAIT_MS_MAX) {
    const latest = lastWriteMs(directory);
    if (latest > last) return Math.max(0, Math.round(latest - start));
    await new Promise((resolve) => setTimeout(resolve, LOOK_INTERVAL_MS));
  }
  throw new Error(`Nothing was written to ${directory} in ${WAIT_MS_MAX} ms`);
};
