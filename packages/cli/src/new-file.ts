/** A file that a command makes: it is new, and is taken away again when the command fails. */
import { closeSync, openSync, unlinkSync, writeSync } from 'node:fs';
import { EXIT } from './exit-codes.js';
import { CliError } from './failure.js';

const REASONS: Readonly<Record<string, string>> = {
  EEXIST: 'it exists already, expected a new name',
  ENOENT: 'its directory does not exist',
};

const create = (path: string): number => {
  try {
    return openSync(path, 'wx', 0o644);
  } catch (cause) {
    const { code = '' } = cause as NodeJS.ErrnoException;
    throw new CliError(`Cannot write ${JSON.stringify(path)}: ${REASONS[code] ?? code}`, {
      exitCode: EXIT.failed,
      code: 'output_failed',
      cause,
    });
  }
};

/**
 * Makes a file of what is written inside.
 *
 * @throws {CliError} If something is there already; what `fill` throws, and then no file is left.
 */
export const writeNewFile = async (
  path: string,
  fill: (write: (bytes: Uint8Array) => void) => Promise<void>,
): Promise<void> => {
  const fd = create(path);
  let isWhole = false;
  try {
    await fill((bytes) => {
      for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
    });
    isWhole = true;
  } finally {
    closeSync(fd);
    if (!isWhole) unlinkSync(path);
  }
};
