/** What a server keeps is for its own account: each file 0600 or narrower, each directory 0700. */
import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const OTHERS = 0o077;

const modeOf = (path: string): number | null => {
  try {
    return lstatSync(path).mode & 0o7777;
  } catch {
    // It was a draft.
    return null;
  }
};

/** Paths in a state directory, itself included, that other accounts could use, with their modes. */
export const openToOthers = (stateDir: string): string[] => {
  const mode = modeOf(stateDir);
  if (mode === null) return [];
  const names = readdirSync(stateDir, { recursive: true }).map(String);
  return [stateDir, ...names.map((name) => join(stateDir, name))].flatMap((path) => {
    const bits = modeOf(path);
    return bits === null || (bits & OTHERS) === 0 ? [] : [`${path} has ${bits.toString(8)}`];
  });
};
