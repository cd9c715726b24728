/** What every benchmark begins with: its turn, and a directory that vanishes with the process. */
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { waitForTurn } from './exclusive.js';

/** Where benchmarks work unless told otherwise: in memory, so that no disk is measured. */
export const MEMORY_DIRECTORY = '/dev/shm';

/** Waits for its turn and makes a directory below `parent`. */
export async function openWorkplace(parent: string): Promise<string> {
  await waitForTurn();
  const directory = mkdtempSync(join(parent, 'jetstream-bench-'));
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => process.exit(130));
  return directory;
}

/** Says where a long benchmark stands, on standard error. */
export function note(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Runs a script's main function; a failure is one line and exit code 1. */
export async function runMain(main: () => Promise<void>): Promise<void> {
  try {
    await main();
  } catch (error) {
    note(error instanceof Error ? (error.stack ?? error.message) : String(error));
    process.exitCode = 1;
  }
}

/** @throws {Error} If the text is no whole number of at least 1. */
export function countOf(name: string, text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1) return value;
  throw new Error(`Cannot use --${name}="${text}", expected a whole number of at least 1`);
}
