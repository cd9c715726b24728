/**
 * Sandbox mappings as the API takes them, parsed once: names that are legal, directories that are
 * absolute and in one form. What a mapping means for a user is decided at login.
 */
import { CommandError, type SandboxRootsInput } from '@jetstream/contract';
import { parseSandboxPath } from './sandbox-path.js';
import {
  expandTemplate,
  isPathSafeUserName,
  isUsableTemplate,
  SAMPLE_USER,
  unknownPlaceholder,
} from './sandbox-template.js';

/** Most characters of a sandbox name. */
export const SANDBOX_NAME_CHARACTERS_MAX = 64;
/** Most roots of one mapping. */
export const SANDBOX_ROOTS_MAX = 256;

/** Sandbox name to directory, '' for the root `/`; false for a user who is not sandboxed. */
export type SandboxMapping = false | ReadonlyMap<string, string>;

/** Letters and digits of any script, space, `-`, `_` and `.`; not a dot, space or dash in front. */
const NAME = /^[\p{L}\p{N}_][\p{L}\p{M}\p{N} ._-]*$/u;

const shown = (text: string): string => JSON.stringify(text.slice(0, 200));

const wrong = (message: string, parameter: string, code: 'invalid_params' | 'path_invalid') =>
  new CommandError(code, `Cannot set the sandbox mapping: ${message}`, { details: { parameter } });

/**
 * Refuses a name that no user of this server can have; '' is the system sandbox.
 *
 * @throws {CommandError} `invalid_params`
 */
export const checkMappedUser = (userName: string): void => {
  if (userName === '' || isPathSafeUserName(userName)) return;
  throw wrong(
    `the user name ${shown(userName)} is not one, expected letters, digits, "_", ".", "@" or "-", the first a letter, digit or "_", without ".."; or nothing for the system sandbox`,
    'userName',
    'invalid_params',
  );
};

const checkName = (name: string): void => {
  const isLegal = name === '' || (NAME.test(name) && !name.endsWith(' '));
  if (isLegal && name.length <= SANDBOX_NAME_CHARACTERS_MAX && name === name.normalize('NFC')) {
    return;
  }
  throw wrong(
    `the sandbox name ${shown(name)} is illegal, expected at most ${SANDBOX_NAME_CHARACTERS_MAX} letters, digits, spaces, "-", "_" or ".", the first a letter, digit or "_", no space at the end`,
    'sandboxRoots',
    'invalid_params',
  );
};

const pathOf = (name: string, root: Exclude<SandboxRootsInput, false>[string]): string => {
  if (typeof root === 'string') return root;
  const { type, path, ...rest } = root;
  const where = `the root of sandbox ${shown(name)}`;
  if (type !== 'File') {
    throw wrong(
      `${where} has the type ${shown(type)}, which is not supported by this server, expected "File"`,
      'sandboxRoots',
      'invalid_params',
    );
  }
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) {
    throw wrong(`${where} has the key ${shown(unknown)}`, 'sandboxRoots', 'invalid_params');
  }
  return path ?? '';
};

const parseRoot = (name: string, text: string, isSystem: boolean): string => {
  const where = `the root of sandbox ${shown(name)}`;
  if (text === '') throw wrong(`${where} is empty`, 'sandboxRoots', 'path_invalid');
  if (!text.startsWith('/')) {
    throw wrong(
      `${where} is ${shown(text)}, expected an absolute path`,
      'sandboxRoots',
      'path_invalid',
    );
  }
  const { components } = parseSandboxPath(text);
  const root = `/${components.join('/')}`;
  if (isSystem) checkTemplate(where, root);
  return root;
};

const checkTemplate = (where: string, root: string): void => {
  const unknown = unknownPlaceholder(root);
  if (unknown !== null) {
    throw wrong(
      `${where} holds ${shown(unknown)}, expected %u, %d, %f or %%`,
      'sandboxRoots',
      'path_invalid',
    );
  }
  if (!isUsableTemplate(root)) {
    const message = `${where} is ${shown(root)}, which leaves nothing but "/" because users of this server have no domain`;
    throw wrong(message, 'sandboxRoots', 'path_invalid');
  }
};

/**
 * Parses a mapping.
 *
 * Two names for one directory are refused: which of them a file belongs to would be chance.
 *
 * @param isSystem Whether placeholders mean something.
 * @throws {CommandError} `invalid_params`, `path_invalid`, `name_too_long`.
 */
export const parseSandboxMapping = (
  input: SandboxRootsInput,
  isSystem: boolean,
): SandboxMapping => {
  if (input === false) return false;
  const entries = Object.entries(input);
  if (entries.length === 0 || entries.length > SANDBOX_ROOTS_MAX) {
    throw wrong(
      `${entries.length} roots, expected 1 to ${SANDBOX_ROOTS_MAX}, or false`,
      'sandboxRoots',
      'invalid_params',
    );
  }
  const mapping = new Map<string, string>();
  const nameOf = new Map<string, string>();
  for (const [name, root] of entries) {
    checkName(name);
    const directory = parseRoot(name, pathOf(name, root), isSystem);
    // Two ways to write the user's name are one directory.
    const shownRoot = isSystem ? expandTemplate(directory, SAMPLE_USER) : directory;
    const other = nameOf.get(shownRoot);
    if (other !== undefined) throw sameRoot(other, name, directory);
    nameOf.set(shownRoot, name);
    mapping.set(name, directory);
  }
  return mapping;
};

/** The error for two names of one directory. */
export const sameRoot = (first: string, second: string, directory: string): CommandError =>
  wrong(
    `the sandboxes ${shown(first)} and ${shown(second)} have the same root ${shown(directory)}, expected different directories`,
    'sandboxRoots',
    'path_invalid',
  );
