/** Path text as node:fs takes it, and the check of single names before they get into a path. */
import { CommandError, pathBytesFromText } from '@jetstream/contract';
import { shownPath } from './disk-error.js';

const SURROGATE = /[\ud800-\udfff]/;

/** A path for node:fs: text where that is exact, else bytes. */
export type PathArgument = string | Buffer;

/**
 * Lone surrogates stand for bytes that a string argument cannot carry.
 *
 * @throws {CommandError} `path_invalid` for a lone surrogate that stands for no byte.
 */
export const pathArgument = (text: string): PathArgument => {
  if (!SURROGATE.test(text)) return text;
  const bytes = pathBytesFromText(text);
  if (bytes === null) {
    throw new CommandError(
      'path_invalid',
      `Cannot use the path ${shownPath(text)}: it holds a lone surrogate, expected valid text`,
    );
  }
  return Buffer.from(bytes);
};

/** Bytes of a path. */
export const pathBytes = (text: string): Uint8Array => {
  const argument = pathArgument(text);
  return typeof argument === 'string' ? Buffer.from(argument) : argument;
};

/**
 * Refuses what is not one component: the last line of defence behind the path parser.
 *
 * @throws {CommandError} `path_invalid`.
 */
export const checkNames = (components: readonly string[]): void => {
  for (const name of components) {
    const isComponent = name !== '' && name !== '.' && name !== '..';
    if (isComponent && !name.includes('/') && !name.includes('\0')) continue;
    throw new CommandError(
      'path_invalid',
      `Cannot use the name ${shownPath(name)}: expected one component of a path`,
    );
  }
};
