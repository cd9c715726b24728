/** What is wrong with a parameter, in words for people: the server and the command line say the same. */
import type { z } from 'zod';

type Issue = z.core.$ZodIssue;

/** Parameters whose values are never repeated in an error. */
const SECRET_PARAMETERS: ReadonlySet<string> = new Set([
  'password',
  'token',
  'destinationToken',
  'key',
  'secret',
]);

/** Most characters of a value, and of the way to it, in an error. */
export const SHOWN_CHARACTERS_MAX = 100;

const typeName = (value: unknown): string =>
  value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value;

const shown = (value: unknown): string => {
  if (value === undefined) return 'absent';
  if (value === null) return 'null';
  const text = JSON.stringify(value);
  const cut = text.length > SHOWN_CHARACTERS_MAX;
  const visible = cut ? `${text.slice(0, SHOWN_CHARACTERS_MAX)}…` : text;
  return `${visible} (${typeName(value)})`;
};

const counted = (count: number | bigint, origin: string): string => {
  const thing = origin === 'string' ? 'character' : 'entr';
  const ending = origin === 'string' ? ['', 's'] : ['y', 'ies'];
  return `${count} ${thing}${ending[Number(count) === 1 ? 0 : 1]}`;
};

/** What an issue says would have been right. */
const expectation = (issue: Issue): string => {
  switch (issue.code) {
    case 'invalid_type':
      if (issue.expected === 'int') return 'an integer';
      return `a value of type ${issue.expected === 'record' ? 'object' : issue.expected}`;
    case 'invalid_format':
      // The schema has words of its own for it.
      if (!issue.message.startsWith('Invalid ')) return issue.message;
      return issue.pattern === undefined
        ? `text of the form ${issue.format}`
        : `text that matches ${issue.pattern}`;
    case 'too_small':
      return issue.origin === 'string' || issue.origin === 'array'
        ? `at least ${counted(issue.minimum, issue.origin)}`
        : `${issue.inclusive === false ? 'more than' : 'at least'} ${issue.minimum}`;
    case 'too_big':
      return issue.origin === 'string' || issue.origin === 'array'
        ? `at most ${counted(issue.maximum, issue.origin)}`
        : `${issue.inclusive === false ? 'less than' : 'at most'} ${issue.maximum}`;
    case 'invalid_value':
      return `one of ${issue.values.map((value) => JSON.stringify(value)).join(', ')}`;
    case 'invalid_union': {
      const parts = issue.errors.map((alternative) =>
        alternative[0] === undefined ? '' : expectation(alternative[0]),
      );
      return [...new Set(parts.filter((part) => part !== ''))].join(', or ') || issue.message;
    }
    default:
      return issue.message;
  }
};

const valueAt = (root: unknown, path: readonly PropertyKey[]): unknown =>
  path.reduce<unknown>(
    (value, key) =>
      typeof value === 'object' && value !== null
        ? (value as Record<PropertyKey, unknown>)[key]
        : undefined,
    root,
  );

export interface ParameterProblem {
  /** Name of the parameter; inside a structure, with the way to the value: `mappings.0.source`. */
  readonly parameter: string;
  /** The value and its type; the type alone for secrets. */
  readonly actual: string;
  readonly expected: string;
}

/** Describes an issue that the schema of a method's parameters has found in `params`. */
export const parameterProblem = (issue: Issue, params: unknown): ParameterProblem => {
  const value = valueAt(params, issue.path);
  const isSecret = SECRET_PARAMETERS.has(String(issue.path[0] ?? ''));
  return {
    parameter: issue.path.map(String).join('.').slice(0, SHOWN_CHARACTERS_MAX),
    actual: isSecret ? typeName(value) : shown(value),
    expected: expectation(issue),
  };
};
