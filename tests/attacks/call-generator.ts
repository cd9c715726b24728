/**
 * Random calls of every method of the contract, made from its parameter names, so that a method that
 * is added tomorrow is attacked without anybody thinking of it.
 */
import { definitionOf, METHODS, type MethodName } from '@jetstream/contract';
import fc from 'fast-check';
import { z } from 'zod';

/** A call as it goes over the wire. */
export interface GeneratedCall {
  readonly method: string;
  readonly params: Record<string, unknown>;
}

/** Values that a generated call may name. */
export interface Pool {
  /** Ids of manifests, transfers, destinations, requests, tokens, links. */
  readonly ids: readonly unknown[];
  readonly paths: readonly string[];
  /** Any other text. */
  readonly texts: readonly string[];
}

/** Parameters whose large values, or absence, would only make a test slow. */
const SMALL: Readonly<Record<string, number>> = {
  milliseconds: 5,
  timeoutSeconds: 0.01,
  size: 64,
  limit: 50,
};

/** In the form that webhooks have. */
const WEBHOOK_KEY = `whsec_${Buffer.from('the signing key of a generated call').toString('base64')}`;

/** JSON type of a parameter, or null where it takes several. */
const typeOf = (schema: z.ZodType): string | null => {
  const { type, anyOf } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as {
    type?: string;
    anyOf?: { type?: string }[];
  };
  return type ?? anyOf?.find((part) => part.type !== 'null')?.type ?? null;
};

const arbitraryOf = (name: string, schema: z.ZodType, pool: Pool): fc.Arbitrary<unknown> => {
  const small = SMALL[name];
  if (small !== undefined) return fc.constantFrom(small, 0);
  // A secret is no value of anything else, so that the search for secrets finds none by chance.
  if (name === 'password') return fc.constant('the password of a generated call');
  if (name === 'secret') return fc.constantFrom('the key of a generated call', WEBHOOK_KEY);
  if (/path$/i.test(name)) return fc.constantFrom(...pool.paths);
  if (name === 'pathList') return fc.array(fc.constantFrom(...pool.paths), { maxLength: 3 });
  if (name === 'mappings') return fc.constantFrom(...pool.paths.map((path) => ({ '/x': path })));
  if (/Id$|^identifier$|^token$/.test(name)) return fc.constantFrom(...pool.ids);
  switch (typeOf(schema)) {
    case 'boolean':
      return fc.boolean();
    case 'integer':
    case 'number':
      return fc.oneof(fc.nat({ max: 1000 }), fc.integer(), fc.double());
    case 'string':
      return fc.oneof(fc.constantFrom(...pool.texts), fc.constantFrom(...pool.ids));
    default:
      return fc.oneof(
        fc.constantFrom(...pool.texts),
        fc.json().map((text) => JSON.parse(text) as unknown),
      );
  }
};

/** Calls of all methods but those named; required parameters always, optional ones sometimes. */
export const anyCall = (pool: Pool, except: ReadonlySet<string>): fc.Arbitrary<GeneratedCall> => {
  const methods = (Object.keys(METHODS) as MethodName[]).filter((name) => !except.has(name));
  return fc.constantFrom(...methods).chain((method) => {
    const definition = definitionOf(method);
    const shape = definition.params.shape as Record<string, z.ZodType>;
    const values = Object.entries(shape).map(([name, schema]) => {
      const value = arbitraryOf(name, schema, pool);
      const required = definition.required.includes(name) || name in SMALL;
      return [name, required ? value : fc.option(value, { nil: undefined })] as const;
    });
    return fc
      .record(Object.fromEntries(values))
      .map((params) => ({ method, params: params as Record<string, unknown> }));
  });
};
