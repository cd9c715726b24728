/** JSON Schemas of methods, for the published descriptions of the API. */
import type { MethodDefinition } from '@jetstream/contract';
import { z } from 'zod';

export type JsonObject = Record<string, unknown>;

/** @param io Whether to describe what a caller writes or what comes back. */
export const schemaOf = (schema: z.ZodType, io: 'input' | 'output'): JsonObject => {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any' });
  return rest;
};

/** A parameter as a description names it. */
export interface DescribedParameter {
  readonly name: string;
  readonly description: string;
  readonly required: boolean;
  readonly schema: JsonObject;
}

/** Parameters of a method: required ones first and in order, because they may be given by position. */
export const describeParameters = (definition: MethodDefinition): DescribedParameter[] => {
  const { required, paramDocs } = definition;
  const shape = definition.params.shape as Record<string, z.ZodType>;
  const optional = Object.keys(shape).filter((param) => !required.includes(param));
  return [...required, ...optional].map((name) => ({
    name,
    description: paramDocs[name] ?? '',
    required: required.includes(name),
    schema: schemaOf(shape[name] ?? z.unknown(), 'input'),
  }));
};
