/**
 * Parameters of a call: from what came over the wire to what a handler gets, or an error that
 * names the parameter, what was given and what is expected.
 */
import { CommandError, type MethodDefinition, parameterProblem } from '@jetstream/contract';
import type { z } from 'zod';
import { closestName } from './closest-name.js';

type Issue = z.core.$ZodIssue;

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
  const { parameter, actual, expected } = parameterProblem(issue, params);
  return new CommandError(
    'invalid_params',
    `Cannot call "${method}": parameter "${parameter}" is ${actual}, expected ${expected}`,
    { details: { parameter, actual, expected } },
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

/** Absent and null are the same; so handlers see one of them only, except where null is a value. */
const withoutNulls = (
  { required, nullable = [] }: MethodDefinition,
  params: Record<string, unknown>,
): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(params).filter(
      ([name, value]) => value !== null || required.includes(name) || nullable.includes(name),
    ),
  );

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
  if (parsed.success) return withoutNulls(definition, parsed.data);
  // An unknown name explains a missing one, so it is told first.
  const issues = parsed.error.issues;
  const issue = issues.find(({ code }) => code === 'unrecognized_keys') ?? issues[0];
  if (issue?.code === 'unrecognized_keys') {
    throw unknownParameter(method, issue.keys[0] ?? '', Object.keys(definition.params.shape));
  }
  if (issue === undefined) throw new CommandError('invalid_params', `Cannot call "${method}"`);
  throw wrongParameter(method, issue, named);
};
