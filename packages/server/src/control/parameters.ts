/**
 * Parameters of a call: from what came over the wire to what a handler gets, or an error that
 * names the parameter, what was given and what is expected.
 */
import { CommandError, type MethodDefinition } from '@jetstream/contract';
import type { z } from 'zod';
import { closestName } from './closest-name.js';
import { CONTROL_LIMITS } from './limits.js';

type Issue = z.core.$ZodIssue;

/** Parameters whose values are never repeated in an error. */
const SECRET_PARAMETERS: ReadonlySet<string> = new Set([
  'password',
  'token',
  'destinationToken',
  'key',
]);

const typeName = (value: unknown): string =>
  value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value;

const shown = (value: unknown): string => {
  if (value === undefined) return 'absent';
  if (value === null) return 'null';
  const text = JSON.stringify(value);
  const cut = text.length > CONTROL_LIMITS.shownCharactersMax;
  const visible = cut ? `${text.slice(0, CONTROL_LIMITS.shownCharactersMax)}…` : text;
  return `${visible} (${typeName(value)})`;
};

/** What an issue says would have been right. */
const expectation = (issue: Issue): string => {
  switch (issue.code) {
    case 'invalid_type':
      return issue.expected === 'int' ? 'an integer' : `a value of type ${issue.expected}`;
    case 'too_small':
      return issue.origin === 'string' || issue.origin === 'array'
        ? `at least ${issue.minimum} ${issue.origin === 'string' ? 'characters' : 'entries'}`
        : `${issue.inclusive === false ? 'more than' : 'at least'} ${issue.minimum}`;
    case 'too_big':
      return issue.origin === 'string' || issue.origin === 'array'
        ? `at most ${issue.maximum} ${issue.origin === 'string' ? 'characters' : 'entries'}`
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

const unknownParameter = (method: string, name: string, known: readonly string[]): CommandError => {
  const near = closestName(name, known);
  const list = known.length === 0 ? 'no parameters' : `one of ${known.join(', ')}`;
  const hint = near === null ? '' : `; did you mean "${near}"?`;
  return new CommandError(
    'invalid_params',
    `Cannot call "${method}": unknown parameter ${JSON.stringify(name.slice(0, 100))}, expected ${list}${hint}`,
    { details: { parameter: name.slice(0, 100), known, closest: near } },
  );
};

const wrongParameter = (method: string, issue: Issue, params: unknown): CommandError => {
  const name = String(issue.path[0] ?? '');
  const where = issue.path.map(String).join('.').slice(0, 200);
  const actual = SECRET_PARAMETERS.has(name)
    ? typeName(valueAt(params, issue.path))
    : shown(valueAt(params, issue.path));
  const expected = expectation(issue);
  return new CommandError(
    'invalid_params',
    `Cannot call "${method}": parameter "${where}" is ${actual}, expected ${expected}`,
    { details: { parameter: where, actual, expected } },
  );
};

/** By position, in the order of the method's required parameters. */
const namePositions = (
  method: string,
  params: readonly unknown[],
  required: readonly string[],
): Record<string, unknown> => {
  if (params.length > required.length) {
    throw new CommandError(
      'invalid_params',
      `Cannot call "${method}": ${params.length} parameters by position, expected at most ${required.length}; give optional ones by name`,
      { details: { actual: params.length, expected: required.length } },
    );
  }
  return Object.fromEntries(params.map((value, index) => [required[index] ?? '', value]));
};

/**
 * Parses parameters as they came: an object by name, an array by position, or nothing.
 *
 * @throws {CommandError} `invalid_params`
 */
export const parseParameters = (
  method: string,
  definition: MethodDefinition,
  params: unknown,
): Record<string, unknown> => {
  const named: unknown = Array.isArray(params)
    ? namePositions(method, params, definition.required)
    : (params ?? {});
  const parsed = definition.params.safeParse(named);
  if (parsed.success) return parsed.data as Record<string, unknown>;
  // An unknown name explains a missing one, so it is told first.
  const issues = parsed.error.issues;
  const issue = issues.find(({ code }) => code === 'unrecognized_keys') ?? issues[0];
  if (issue?.code === 'unrecognized_keys') {
    throw unknownParameter(method, issue.keys[0] ?? '', Object.keys(definition.params.shape));
  }
  if (issue === undefined) throw new CommandError('invalid_params', `Cannot call "${method}"`);
  throw wrongParameter(method, issue, named);
};
