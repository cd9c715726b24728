/**
 * Glob patterns that say which of the names below a mapping's source are taken. A pattern with a
 * slash is held against the path below the source, one without against the last name, at any depth.
 * A directory that is excluded is not entered; included are files and links, and directories that
 * hold nothing.
 *
 * Patterns come from users and are matched by backtracking, so what makes that slow is counted.
 */
import { CommandError } from '@jetstream/contract';
import picomatch from 'picomatch';

/** Most patterns of one manifest, included and excluded together. */
export const PATTERNS_MAX = 200;
/** Most `*` between two slashes of a pattern. */
export const STARS_PER_NAME_MAX = 3;
/** Most `**` of a pattern. */
export const GLOBSTARS_MAX = 2;

/** Patterns as the API takes them; plain data, it crosses a thread border. */
export interface FilterPatterns {
  readonly include: readonly string[];
  readonly exclude: readonly string[];
}

/** Whether names below a source are taken. */
export interface PathFilter {
  /** Whether a directory is entered; its names below the source. */
  enters(names: readonly string[]): boolean;
  /** Whether a file, a link or an empty directory is taken. */
  takes(names: readonly string[]): boolean;
}

type Matches = (names: readonly string[]) => boolean;

const refuse = (pattern: string, actual: string): CommandError =>
  new CommandError(
    'invalid_params',
    `Cannot use the pattern ${JSON.stringify(pattern)}: ${actual}`,
    { details: { parameter: 'include or exclude' } },
  );

/**
 * Refuses patterns that could hold up a scan, or that never match.
 *
 * @throws {CommandError} `invalid_params`
 */
export const checkPatterns = ({ include, exclude }: FilterPatterns): void => {
  const patterns = [...include, ...exclude];
  if (patterns.length > PATTERNS_MAX) {
    throw refuse(patterns[0] ?? '', `one of ${patterns.length}, expected at most ${PATTERNS_MAX}`);
  }
  for (const pattern of patterns) {
    const names = pattern.replace(/\/$/, '').split('/');
    if (names.filter((name) => name.includes('**')).length > GLOBSTARS_MAX) {
      throw refuse(pattern, `it holds more than ${GLOBSTARS_MAX} times "**"`);
    }
    for (const name of names) {
      if ((name.match(/\*+/g) ?? []).length <= STARS_PER_NAME_MAX) continue;
      throw refuse(pattern, `a name in it holds more than ${STARS_PER_NAME_MAX} times "*"`);
    }
    if (names.includes('..')) throw refuse(pattern, 'it holds "..", expected names below a source');
  }
};

const compile = (pattern: string): Matches => {
  // `dir/` means the directory, as `dir` does; `/a` is anchored at the source.
  const plain = pattern.replace(/\/$/, '');
  const isPath = plain.includes('/');
  const matches = picomatch(plain.replace(/^\//, ''), {
    dot: true,
    nonegate: true,
    noextglob: true,
    strictSlashes: true,
    posixSlashes: false,
  });
  return (names) => matches(isPath ? names.join('/') : (names.at(-1) ?? ''));
};

const anyOf = (patterns: readonly string[]): Matches => {
  const compiled = patterns.map(compile);
  return (names) => compiled.some((matches) => matches(names));
};

/** Compiles checked patterns; takes everything when there are none. */
export const pathFilter = ({ include, exclude }: FilterPatterns): PathFilter => {
  const isExcluded = anyOf(exclude);
  const isIncluded = include.length === 0 ? () => true : anyOf(include);
  return {
    enters: (names) => names.length === 0 || !isExcluded(names),
    takes: (names) => names.length === 0 || (!isExcluded(names) && isIncluded(names)),
  };
};
