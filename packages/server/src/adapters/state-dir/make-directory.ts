/**
 * Makes a directory of the server's state with those above it. Node's own way, `mkdir` with `recursive`, never returns
 * where a directory is there and says that it is not when something is made in it, as `/proc` does.
 */
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

export interface DirectoryModes {
  /** Of the directory itself. */
  readonly mode: number;
  /** Of those above it. */
  readonly modeAbove: number;
}

const makeOne = (path: string, mode: number): void => {
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    // Somebody else has just made it.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
};

/**
 * Makes what is missing; what is there stays as it is.
 *
 * @throws {Error} If it cannot be made; the message names the whole path.
 */
export const makeDirectory = (directory: string, { mode, modeAbove }: DirectoryModes): void => {
  const path = resolve(directory);
  const missing: string[] = [];
  try {
    for (let at = path; !existsSync(at); at = dirname(at)) missing.unshift(at);
    for (const at of missing) makeOne(at, at === path ? mode : modeAbove);
    if (statSync(path).isDirectory()) return;
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code ?? 'unknown error';
    throw failure(path, reason, { cause });
  }
  throw failure(path, 'it is a file');
};

const failure = (path: string, reason: string, options?: ErrorOptions): Error =>
  new Error(
    `Cannot make the state directory "${path}": ${reason}, expected a place that can be written (--persistent-state-dir)`,
    options,
  );
