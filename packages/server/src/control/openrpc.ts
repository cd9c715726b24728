/**
 * The description of the API, made from the contract.
 *
 * @see https://spec.open-rpc.org
 */
import {
  API_VERSION,
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

const describeError = (code: ErrorCode): JsonObject => ({
  code: ERRORS[code].rpcCode,
  message: ERRORS[code].meaning,
  data: { code, httpStatus: ERRORS[code].httpStatus, retry: ERRORS[code].retry },
});

const describeMethod = (name: MethodName, definition: MethodDefinition): JsonObject => {
  return {
    name,
    summary: definition.summary,
    paramStructure: 'either',
    params: describeParameters(definition),
    result: { name: 'result', schema: schemaOf(definition.result, 'output') },
    errors: [...definition.errors, ...COMMON_ERRORS].map(describeError),
    'x-access': definition.access,
    'x-since': definition.since,
    'x-mutates': definition.mutates,
    ...(definition.requestResult === undefined
      ? {}
      : { 'x-request-result': schemaOf(definition.requestResult, 'output') }),
  };
};

/** The OpenRPC document. */
export const openRpcDocument = (): JsonObject => ({
  openrpc: '1.3.2',
  info: {
    title: 'JetStream control API',
    version: BUILD_VERSION,
    'x-api-version': API_VERSION,
  },
  methods: (Object.keys(METHODS) as MethodName[]).map((name) =>
    describeMethod(name, definitionOf(name)),
  ),
});
