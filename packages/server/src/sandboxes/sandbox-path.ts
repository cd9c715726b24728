/**
 * The one path type. Text from a client or a peer is parsed here, once; everything behind this
 * border works with validated components and never with strings that could mean something else.
 *
 * `..` is refused, not resolved: with symbolic links in play its meaning depends on the disk.
 * Empty components and `.` vanish, so `/a`, `/a/` and `//a/.` are the same path.
 *
 * @see docs/ARCHITECTURE.md, "Paths"
 */
import { CommandError, pathBytesFromText } from '@jetstream/contract';

/** Longest path in bytes, as Linux has it. */
export const PATH_BYTES_MAX = 4096;
/** Longest component in bytes. */
export const NAME_BYTES_MAX = 255;

export interface SandboxPath {
  /** Name of the sandbox root; '' is the root without a name. */
  readonly rootName: string;
  /** Validated names below the root; empty for the root itself. */
  readonly components: readonly string[];
}

const shown = (text: string): string =>
  JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}…` : text);

const invalid = (text: string, actual: string): CommandError =>
  new CommandError('path_invalid', `Cannot use the path ${shown(text)}: ${actual}`, {
    details: { path: text.slice(0, 1000) },
  });

const parseComponents = (whole: string, text: string): string[] => {
  const bytes = pathBytesFromText(text);
  if (bytes === null) throw invalid(whole, 'it holds a lone surrogate, expected valid text');
  if (bytes.length >= PATH_BYTES_MAX) {
    throw new CommandError(
      'name_too_long',
      `Cannot use the path ${shown(whole)}: ${bytes.length} bytes, expected under ${PATH_BYTES_MAX}`,
    );
  }
  if (text.includes('\0')) throw invalid(whole, 'it holds a NUL character');
  const components = text.split('/').filter((name) => name !== '' && name !== '.');
  for (const name of components) {
    if (name === '..') throw invalid(whole, 'it holds "..", expected a path without it');
    const nameBytes = pathBytesFromText(name)?.length ?? 0;
    if (nameBytes > NAME_BYTES_MAX) {
      throw new CommandError(
        'name_too_long',
        `Cannot use the name ${shown(name)}: ${nameBytes} bytes, expected at most ${NAME_BYTES_MAX}`,
      );
    }
  }
  return components;
};

/**
 * Parses path text from outside.
 *
 * @param rootNames Names of the caller's sandbox roots. `name:rest` selects a root only when `name`
 * is among them; otherwise a colon is an ordinary character.
 * @throws {CommandError} `path_invalid` or `name_too_long`.
 */
export const parseSandboxPath = (
  text: string,
  rootNames: ReadonlySet<string> = new Set(),
): SandboxPath => {
  const colon = text.indexOf(':');
  const rootName = colon > 0 ? text.slice(0, colon) : '';
  if (rootName !== '' && rootNames.has(rootName)) {
    return { rootName, components: parseComponents(text, text.slice(colon + 1)) };
  }
  return { rootName: '', components: parseComponents(text, text) };
};

/** A path below another one; both validated. */
export const joinSandboxPath = (base: SandboxPath, components: readonly string[]): SandboxPath => ({
  rootName: base.rootName,
  components: [...base.components, ...components],
});

/** Text of a path: `/a/b`, or `name:/a/b` under a named root. */
export const formatSandboxPath = (path: SandboxPath): string =>
  `${path.rootName === '' ? '' : `${path.rootName}:`}/${path.components.join('/')}`;

/** Whether `inner` is `outer` or lies below it, by components. */
export const isWithin = (inner: SandboxPath, outer: SandboxPath): boolean =>
  inner.rootName === outer.rootName &&
  inner.components.length >= outer.components.length &&
  outer.components.every((name, index) => inner.components[index] === name);
