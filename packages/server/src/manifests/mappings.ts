/**
 * File mappings as the API takes them, parsed once into validated paths. Two ways to write them:
 * `mappings` is destination to source, `fileMappings` is `source:destination`.
 *
 * Mappings must not contradict each other: two may fill the same directory, but no two may name the
 * same file, and nothing may lie below something that is a file. What can be seen without looking
 * at the disk is checked here, the rest by the scan.
 */
import { CommandError, type Params } from '@jetstream/contract';
import type { SandboxPath } from '../sandboxes/sandbox-path.js';
import { formatSandboxPath, isWithin, parseSandboxPath } from '../sandboxes/sandbox-path.js';

/** Most mappings of one manifest. */
export const MAPPINGS_MAX = 100_000;

/** One mapping, both sides validated. */
export interface Mapping {
  /** Absolute directory of the operating system that the source must not leave. */
  readonly root: string;
  /** The source below it. */
  readonly source: readonly string[];
  /** The source as API text, for messages and the file list. */
  readonly sourceText: string;
  /** Target names below the destination path of the transfer. */
  readonly target: readonly string[];
}

interface MappingText {
  readonly source: string;
  readonly target: string;
}

const invalid = (text: string, actual: string): CommandError =>
  new CommandError('path_invalid', `Cannot use the mapping ${shown(text)}: ${actual}`);

const shown = (text: string): string =>
  JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}…` : text);

/** All places where a separator stands, overlapping ones included. */
const occurrences = (text: string, separator: string): number[] => {
  const found: number[] = [];
  for (let at = text.indexOf(separator); at >= 0; at = text.indexOf(separator, at + 1)) {
    found.push(at);
  }
  return found;
};

/**
 * Splits `source:destination`. A text with `::` is split there, so that both sides may hold
 * colons; without it there must be exactly one colon.
 *
 * @throws {CommandError} `path_invalid` when it is not clear where to split, or a side is empty.
 */
export const splitMappingText = (text: string): MappingText => {
  const double = occurrences(text, '::');
  const found = double.length > 0 ? double : occurrences(text, ':');
  const at = found[0];
  if (at === undefined || found.length > 1) {
    const actual = found.length === 0 ? 'it holds no colon' : 'it can be split in several places';
    throw invalid(
      text,
      `${actual}, expected "source:destination", or "source::destination" when a side holds a colon`,
    );
  }
  const width = double.length > 0 ? 2 : 1;
  const mapping = { source: text.slice(0, at), target: text.slice(at + width) };
  if (mapping.source === '' || mapping.target === '') {
    throw invalid(text, 'one side is empty, expected a source and a destination');
  }
  return mapping;
};

const mappingTexts = (params: Params<'send.createManifest'>): MappingText[] => {
  const given = params.fileMappings ?? [];
  const listed = typeof given === 'string' ? [given] : given;
  const texts = [
    ...Object.entries(params.mappings ?? {}).map(([target, source]) => ({ source, target })),
    ...listed.map((entry) =>
      typeof entry === 'string'
        ? splitMappingText(entry)
        : { source: entry.srcPath, target: entry.destPath },
    ),
  ];
  if (texts.length === 0 || texts.length > MAPPINGS_MAX) {
    throw new CommandError(
      'invalid_params',
      `Cannot create a manifest: ${texts.length} mappings, expected 1 to ${MAPPINGS_MAX}`,
      { details: { parameter: 'mappings' } },
    );
  }
  return texts;
};

/**
 * Parses what `send.createManifest` was given.
 *
 * @param roots The caller's sandbox roots: name to absolute directory.
 * @throws {CommandError} `invalid_params`, `path_invalid`, `name_too_long`.
 */
export const parseMappings = (
  params: Params<'send.createManifest'>,
  roots: ReadonlyMap<string, string>,
): Mapping[] => {
  const rootNames = new Set(roots.keys());
  const mappings = mappingTexts(params).map(({ source, target }): Mapping => {
    if (source === '') throw invalid(`:${target}`, 'the source is empty, expected a path');
    const path = parseSandboxPath(source, rootNames);
    const root = roots.get(path.rootName);
    if (root === undefined) {
      throw invalid(source, `its root is unknown, expected one of ${[...rootNames].join(', ')}`);
    }
    // A colon in a target is an ordinary character: roots of the receiver are chosen by the
    // destination path of the transfer.
    const { components } = parseSandboxPath(target);
    return {
      root,
      source: path.components,
      sourceText: formatSandboxPath(path),
      target: components,
    };
  });
  refuseDuplicates(mappings);
  return mappings;
};

const targetText = (mapping: Mapping): string => `/${mapping.target.join('/')}`;

/** The same source to the same target twice can only be a mistake. */
const refuseDuplicates = (mappings: readonly Mapping[]): void => {
  const seen = new Set<string>();
  for (const mapping of mappings) {
    const key = JSON.stringify([mapping.root, mapping.source, mapping.target]);
    if (seen.has(key)) {
      throw invalid(
        `${mapping.sourceText}:${targetText(mapping)}`,
        'it is there twice, expected each mapping once',
      );
    }
    seen.add(key);
  }
};

/**
 * Whether the targets of two mappings may meet, so that the scan has to look out for files that
 * two of them write.
 */
export const targetsMayMeet = (mappings: readonly Mapping[]): boolean => {
  const paths = mappings
    .map((mapping): SandboxPath => ({ rootName: '', components: mapping.target }))
    .sort((a, b) => compareComponents(a.components, b.components));
  // Sorted by components, a path that lies in another comes right behind it or behind its kin.
  return paths.some((path, index) => {
    const before = paths[index - 1];
    return before !== undefined && isWithin(path, before);
  });
};

const compareComponents = (a: readonly string[], b: readonly string[]): number => {
  for (let index = 0; index < Math.min(a.length, b.length); index += 1) {
    const left = a[index] ?? '';
    const right = b[index] ?? '';
    if (left !== right) return left < right ? -1 : 1;
  }
  return a.length - b.length;
};
