/**
 * `--param=value` arguments of `jetstream api`, turned into the values that the method's schema
 * wants: text as it is, numbers and booleans parsed, JSON for lists and objects.
 */
import { definitionOf, type MethodName, parameterProblem } from '@jetstream/contract';
import { closestName } from './closest-name.js';
import { usageError } from './failure.js';

type JsonType = 'string' | 'number' | 'boolean' | 'null' | 'array' | 'object';

interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly anyOf?: readonly JsonSchema[];
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
}

const typesOf = (schema: JsonSchema): Set<JsonType> => {
  const types = new Set<JsonType>();
  const add = (type: string): void => {
    types.add(type === 'integer' ? 'number' : (type as JsonType));
  };
  if (typeof schema.type === 'string') add(schema.type);
  else for (const type of schema.type ?? []) add(type);
  for (const inner of schema.anyOf ?? []) for (const type of typesOf(inner)) types.add(type);
  return types;
};

/** One parameter, for help. */
export interface ParameterDescription {
  readonly name: string;
  readonly required: boolean;
  /** `text`, `number`, `true|false`, `JSON`, or the accepted words. */
  readonly form: string;
  readonly doc: string;
}

const schemaOf = (method: MethodName): Readonly<Record<string, JsonSchema>> => {
  const { params } = definitionOf(method);
  const schema = params.toJSONSchema({ io: 'input', unrepresentable: 'any' }) as JsonSchema;
  return schema.properties ?? {};
};

const FORMS: Readonly<Record<JsonType, string>> = {
  string: 'text',
  number: 'number',
  boolean: 'true|false',
  array: 'JSON list',
  object: 'JSON object',
  null: '',
};

const wordsOf = (schema: JsonSchema): string[] => [
  ...(schema.enum ?? []).map(String),
  ...(schema.anyOf ?? []).flatMap(wordsOf),
];

const formOf = (schema: JsonSchema): string => {
  const words = wordsOf(schema);
  if (words.length > 0) return words.join('|');
  const forms = [...typesOf(schema)].map((type) => FORMS[type]).filter((form) => form !== '');
  return forms.join(' or ');
};

/** The parameters of a method, required ones first. */
export const describeParameters = (method: MethodName): ParameterDescription[] => {
  const { required, paramDocs } = definitionOf(method);
  const all = Object.entries(schemaOf(method)).map(([name, schema]) => ({
    name,
    required: required.includes(name),
    form: formOf(schema),
    doc: paramDocs[name] ?? '',
  }));
  const rank = (name: string): number => (required.includes(name) ? required.indexOf(name) : 1000);
  return all.sort((a, b) => rank(a.name) - rank(b.name));
};

const shown = (text: string): string => JSON.stringify(text.slice(0, 200));

/** Value of one parameter from its text. */
export const parseValue = (name: string, text: string, schema: JsonSchema): unknown => {
  const types = typesOf(schema);
  const structured = types.has('array') || types.has('object');
  const looksStructured = /^\s*[[{]/.test(text);
  if (structured && (looksStructured || !(types.has('string') || types.has('number')))) {
    try {
      return JSON.parse(text);
    } catch {
      // Text that only begins like JSON may be meant as text.
      if (types.has('string')) return text;
      throw usageError(`Cannot use --${name}=${shown(text)}: expected JSON`);
    }
  }
  if (types.has('string')) return text;
  if (types.has('null') && text === 'null') return null;
  if (types.has('boolean') && (text === 'true' || text === 'false')) return text === 'true';
  if (types.has('number') && text.trim() !== '' && Number.isFinite(Number(text))) {
    return Number(text);
  }
  throw usageError(`Cannot use --${name}=${shown(text)}: expected ${formOf(schema)}`);
};

interface Argument {
  readonly name: string;
  readonly text: string | null;
}

const splitArguments = (method: MethodName, args: readonly string[]): Argument[] => {
  const { required } = definitionOf(method);
  let position = 0;
  return args.map((arg) => {
    const match = /^--([^=]+)(?:=(.*))?$/s.exec(arg);
    if (match !== null) return { name: match[1] ?? '', text: match[2] ?? null };
    const name = required[position];
    position += 1;
    if (name === undefined) {
      throw usageError(`Cannot use the argument ${shown(arg)}: expected --name=value`);
    }
    return { name, text: arg };
  });
};

/**
 * Parameters of a call from its arguments. Arguments without `--` are the required parameters in
 * their order.
 */
export const parseParameters = (
  method: MethodName,
  args: readonly string[],
): Record<string, unknown> => {
  const schemas = schemaOf(method);
  const params: Record<string, unknown> = {};
  for (const { name, text } of splitArguments(method, args)) {
    const schema = Object.hasOwn(schemas, name) ? schemas[name] : undefined;
    if (schema === undefined) {
      const near = closestName(name, Object.keys(schemas));
      const meant = near === null ? '' : `, did you mean "--${near}"?`;
      throw usageError(
        `Cannot use "--${name}": "${method}" has no such parameter${meant}`,
        `jetstream api ${method} --help lists its parameters`,
      );
    }
    if (Object.hasOwn(params, name)) throw usageError(`Cannot use "--${name}" twice`);
    if (text === null) {
      if (!typesOf(schema).has('boolean')) {
        throw usageError(`Cannot use "--${name}": a value is missing, expected --${name}=…`);
      }
      params[name] = true;
    } else {
      params[name] = parseValue(name, text, schema);
    }
  }
  checkParameters(method, params);
  return params;
};

const checkParameters = (method: MethodName, params: Record<string, unknown>): void => {
  const { required, params: schema } = definitionOf(method);
  const missing = required.find((name) => params[name] === undefined);
  if (missing !== undefined) {
    throw usageError(
      `Cannot call "${method}": --${missing}=… is missing`,
      `jetstream api ${method} --help lists its parameters`,
    );
  }
  const parsed = schema.safeParse(params);
  if (parsed.success) return;
  const [issue] = parsed.error.issues;
  if (issue === undefined) throw usageError(`Cannot call "${method}": ${parsed.error.message}`);
  const { parameter, actual, expected } = parameterProblem(issue, params);
  throw usageError(
    `Cannot call "${method}": --${parameter} is ${actual}, expected ${expected}`,
    `jetstream api ${method} --help lists its parameters`,
  );
};
