/**
 * The description of `POST /api/<method>`, made from the contract, for tools that speak OpenAPI.
 *
 * @see https://spec.openapis.org/oas/v3.1.0
 */
import {
  BUILD_VERSION,
  COMMON_ERRORS,
  definitionOf,
  ERRORS,
  type ErrorCode,
  METHODS,
  type MethodDefinition,
  type MethodName,
} from '@jetstream/contract';
import { describeParameters, type JsonObject, schemaOf } from './method-schema.js';

const json = (schema: JsonObject): JsonObject => ({ 'application/json': { schema } });

/** Responses by HTTP status; several codes may share one. */
const describeErrors = (codes: readonly ErrorCode[]): Record<string, JsonObject> => {
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of codes) {
    const { httpStatus } = ERRORS[code];
    byStatus.set(httpStatus, [...(byStatus.get(httpStatus) ?? []), code]);
  }
  return Object.fromEntries(
    [...byStatus].map(([status, same]) => [
      String(status),
      {
        description: same.map((code) => `\`${code}\`: ${ERRORS[code].meaning}`).join('; '),
        content: json({ $ref: '#/components/schemas/Error' }),
      },
    ]),
  );
};

const describeOperation = (name: MethodName, definition: MethodDefinition): JsonObject => {
  const parameters = describeParameters(definition);
  const properties = parameters.map(({ name: key, description, schema }) => [
    key,
    { description, ...schema },
  ]);
  const body: JsonObject = {
    type: 'object',
    properties: Object.fromEntries(properties),
    required: definition.required,
    additionalProperties: false,
  };
  return {
    operationId: name,
    summary: definition.summary,
    tags: [name.includes('.') ? name.slice(0, name.indexOf('.')) : 'server'],
    requestBody: { required: definition.required.length > 0, content: json(body) },
    responses: {
      '200': { description: 'The result', content: json(schemaOf(definition.result, 'output')) },
      ...describeErrors([...definition.errors, ...COMMON_ERRORS]),
    },
    security: definition.access === 'public' ? [] : [{ bearer: [] }, { basic: [] }],
    'x-access': definition.access,
    'x-since': definition.since,
    'x-mutates': definition.mutates,
    ...(definition.requestResult === undefined
      ? {}
      : { 'x-request-result': schemaOf(definition.requestResult, 'output') }),
  };
};

const ERROR_SCHEMA: JsonObject = {
  type: 'object',
  required: ['error'],
  properties: {
    error: {
      type: 'object',
      required: ['code', 'message', 'details'],
      properties: {
        code: { enum: Object.keys(ERRORS) },
        message: { type: 'string' },
        details: { type: 'object' },
      },
    },
  },
};

/** The OpenAPI document. */
export const openApiDocument = (): JsonObject => ({
  openapi: '3.1.0',
  info: { title: 'JetStream control API', version: BUILD_VERSION },
  paths: Object.fromEntries(
    (Object.keys(METHODS) as MethodName[]).map((name) => [
      `/api/${name}`,
      { post: describeOperation(name, definitionOf(name)) },
    ]),
  ),
  components: {
    schemas: { Error: ERROR_SCHEMA },
    securitySchemes: {
      bearer: { type: 'http', scheme: 'bearer', description: 'API token `js1.…` or local key' },
      basic: { type: 'http', scheme: 'basic', description: 'User name and password' },
    },
  },
});
