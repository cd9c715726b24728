/** The type of a value in words, from its JSON schema; for the reference in `docs/api`. */

/** The part of JSON schema that the contract makes use of. */
export interface JsonSchema {
  readonly title?: string;
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly JsonSchema[];
  readonly $ref?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | JsonSchema;
  readonly items?: JsonSchema;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly pattern?: string;
}

/** Turns the name of a structure into a link. */
export type LinkOf = (title: string) => string;

const number = (value: number): string => value.toLocaleString('en-US');

/** Bounds that every safe integer has say nothing. */
const meant = (bound: number | undefined): number | undefined =>
  bound === undefined || Math.abs(bound) === Number.MAX_SAFE_INTEGER ? undefined : bound;

const bounds = (
  least: number | undefined,
  most: number | undefined,
  above: number | undefined,
): string => {
  const from =
    above === undefined ? (least === undefined ? '' : number(least)) : `above ${number(above)}`;
  const to = most === undefined ? '' : number(most);
  if (from !== '' && to !== '') return `${from} to ${to}`;
  if (to !== '') return `at most ${to}`;
  return above === undefined && from !== '' ? `at least ${from}` : from;
};

const withBounds = (text: string, range: string): string =>
  range === '' ? text : `${text}, ${range}`;

const objectText = (schema: JsonSchema, link: LinkOf): string => {
  const entries = Object.entries(schema.properties ?? {});
  if (entries.length > 0) {
    const fields = entries.map(([name, field]) => `\`${name}\`: ${schemaText(field, link)}`);
    return `{ ${fields.join('; ')} }`;
  }
  const values = schema.additionalProperties;
  if (typeof values === 'object') return `object of ${schemaText(values, link)} by name`;
  return 'object';
};

const plainText = (type: string | undefined, schema: JsonSchema, link: LinkOf): string => {
  switch (type) {
    case 'string': {
      const least = schema.minLength === 0 ? undefined : schema.minLength;
      const range = bounds(least, schema.maxLength, undefined);
      const text = withBounds('string', range === '' ? '' : `${range} characters`);
      return schema.pattern === undefined ? text : `string like \`${schema.pattern}\``;
    }
    case 'integer':
    case 'number': {
      const above = meant(schema.exclusiveMinimum);
      return withBounds(type, bounds(meant(schema.minimum), meant(schema.maximum), above));
    }
    case 'array': {
      const items = schema.items === undefined ? 'any value' : schemaText(schema.items, link);
      const range = bounds(schema.minItems, schema.maxItems, undefined);
      return withBounds(`list of ${items}`, range === '' ? '' : `${range} entries`);
    }
    case 'object':
      return objectText(schema, link);
    case undefined:
      return 'any JSON value';
    default:
      return type;
  }
};

/** The type in words. */
export function schemaText(schema: JsonSchema, link: LinkOf): string {
  if (schema.title !== undefined) return link(schema.title);
  if (schema.$ref !== undefined) return 'any JSON value';
  if (schema.const !== undefined) return `\`${JSON.stringify(schema.const)}\``;
  if (schema.enum !== undefined) {
    return schema.enum.map((value) => `\`${String(value)}\``).join(', ');
  }
  if (schema.anyOf !== undefined) {
    return [...new Set(schema.anyOf.map((part) => schemaText(part, link)))].join(' or ');
  }
  const types: readonly (string | undefined)[] =
    typeof schema.type === 'object' ? schema.type : [schema.type];
  return types.map((type) => plainText(type, schema, link)).join(' or ');
}

/** The type of an optional parameter without the null that stands for its absence. */
export function withoutNull(schema: JsonSchema): JsonSchema {
  if (schema.anyOf !== undefined) {
    const [first, ...others] = schema.anyOf.filter(({ type }) => type !== 'null');
    return first !== undefined && others.length === 0
      ? first
      : { ...schema, anyOf: schema.anyOf.filter(({ type }) => type !== 'null') };
  }
  if (typeof schema.type !== 'object') return schema;
  const types = schema.type.filter((type) => type !== 'null');
  return types.length === 1 ? { ...schema, type: types[0] ?? '' } : { ...schema, type: types };
}
