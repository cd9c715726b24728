/** Where each source of `jetstream cp` lands, by the rules of cp and scp. */
import { basename } from 'node:path/posix';
import { CommandError } from '@jetstream/contract';
import { usageError } from './failure.js';

/** What stands at a path now. */
export type PathKind = 'file' | 'directory' | 'absent';

/** A source, its path as its server sees it. */
export interface CopySource {
  readonly path: string;
  readonly kind: Exclude<PathKind, 'absent'>;
  /** As it was written: `dir/.` stands for what is in it. */
  readonly text: string;
}

/** The target, its path as its server sees it. */
export interface CopyTarget {
  readonly path: string;
  readonly kind: PathKind;
  /** As it was written: a trailing slash means a directory. */
  readonly text: string;
}

const join = (directory: string, name: string): string =>
  directory.endsWith('/') ? directory + name : `${directory}/${name}`;

const meansContent = (text: string): boolean => /(^|\/|:)\.{1,2}\/*$/.test(text);

const placeOf = (source: CopySource, target: CopyTarget, intoDirectory: boolean): string => {
  const directory = target.path.replace(/(?<=.)\/+$/, '');
  if (meansContent(source.text) && source.kind === 'directory') return directory;
  const name = basename(source.path);
  return intoDirectory && name !== '' ? join(directory, name) : directory;
};

/**
 * Mappings for a manifest, target path to source path.
 *
 * Several sources, a target that is a directory, or a target written with a trailing slash: each
 * source keeps its name below the target. Otherwise the one source gets the target's name.
 */
export const planCopy = (
  sources: readonly CopySource[],
  target: CopyTarget,
): Record<string, string> => {
  const wantsDirectory = sources.length > 1 || target.text.endsWith('/');
  const isFile = target.kind === 'file';
  const offender = wantsDirectory || sources.some(({ kind }) => kind === 'directory');
  if (isFile && offender) {
    const text = `Cannot copy to "${target.path}": it is a file, expected a directory`;
    throw new CommandError('not_a_directory', text, { details: { path: target.path } });
  }
  const intoDirectory = wantsDirectory || target.kind === 'directory';
  const mappings = new Map<string, string>();
  for (const source of sources) {
    const place = placeOf(source, target, intoDirectory);
    const other = mappings.get(place);
    if (other !== undefined && other !== source.path) {
      throw usageError(
        `Cannot copy both "${other}" and "${source.path}": both would become "${place}"`,
      );
    }
    mappings.set(place, source.path);
  }
  return Object.fromEntries(mappings);
};

/** Mappings of a manifest, and the destination path of the transfer. */
export interface Placement {
  readonly mappings: Readonly<Record<string, string>>;
  readonly destinationPath: string | null;
}

/**
 * How a plan is told to the servers. A copy that is to appear as a whole needs one directory that
 * appears: the target of its only source.
 */
export const placement = (
  mappings: Readonly<Record<string, string>>,
  isWhole: boolean,
): Placement => {
  if (!isWhole) return { mappings, destinationPath: null };
  const [first, ...others] = Object.entries(mappings);
  if (first === undefined || others.length > 0) {
    throw usageError(
      `Cannot copy ${others.length + 1} sources as a whole: expected one directory`,
      'Copy a directory that holds them all',
    );
  }
  const [target, source] = first;
  return { mappings: { '/': source }, destinationPath: target };
};
