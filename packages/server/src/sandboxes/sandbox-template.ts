/**
 * Placeholders in the system sandbox: `%u` and `%f` stand for the user's name, `%d` for the domain,
 * which users of this server do not have, `%%` for a percent sign.
 *
 * A name gets into a path as it is, or not at all: nothing is cut off, decoded or normalised, so two
 * users never come to the same directory by their names.
 */
import { CommandError } from '@jetstream/contract';
import { parseSandboxPath } from './sandbox-path.js';

const PLACEHOLDER = /%([\s\S]?)/g;
const VALUES: Readonly<Record<string, (userName: string) => string>> = {
  u: (userName) => userName,
  f: (userName) => userName,
  d: () => '',
  '%': () => '%',
};
/** Narrow on purpose: no separators, no dots in front, nothing that another program could decode. */
const USER_NAME = /^[A-Za-z0-9_][A-Za-z0-9_.@-]{0,255}$/;

/** Whether a user name may stand in a path. */
export const isPathSafeUserName = (userName: string): boolean =>
  USER_NAME.test(userName) && !userName.includes('..');

/** First placeholder that means nothing, or null. */
export const unknownPlaceholder = (template: string): string | null => {
  for (const [whole, letter = ''] of template.matchAll(PLACEHOLDER)) {
    if (!Object.hasOwn(VALUES, letter)) return whole;
  }
  return null;
};

/** Whether the template differs between users. */
export const namesUser = (template: string): boolean =>
  [...template.matchAll(PLACEHOLDER)].some(([, letter]) => letter === 'u' || letter === 'f');

/**
 * The directory of a user.
 *
 * @param template An absolute path whose placeholders are known.
 * @throws {CommandError} `permission_denied` for a user name that cannot be part of a path, or a
 * template of which only the root of the file system is left.
 */
export const expandTemplate = (template: string, userName: string): string => {
  if (namesUser(template) && !isPathSafeUserName(userName)) {
    throw new CommandError(
      'permission_denied',
      `Cannot log in: the user name ${JSON.stringify(userName.slice(0, 100))} cannot be part of a path`,
    );
  }
  const text = template.replace(
    PLACEHOLDER,
    (whole, letter: string) => VALUES[letter]?.(userName) ?? whole,
  );
  const { components } = parseSandboxPath(text);
  if (components.length === 0 && parseSandboxPath(template).components.length > 0) {
    throw new CommandError(
      'permission_denied',
      `Cannot log in: the sandbox ${JSON.stringify(template.slice(0, 200))} leaves nothing but the root of the file system`,
    );
  }
  return `/${components.join('/')}`;
};

/** Stands for any user while a template is checked. */
export const SAMPLE_USER = 'user.name';

/** Whether an absolute path can be the system sandbox. */
export const isUsableTemplate = (template: string): boolean => {
  if (unknownPlaceholder(template) !== null) return false;
  try {
    expandTemplate(template, SAMPLE_USER);
    return true;
  } catch (error) {
    if (error instanceof CommandError) return false;
    throw error;
  }
};
