/**
 * The one table of methods, and the types that derive from it.
 *
 * Wire names: server methods bare, `send.` and `recv.` prefixed.
 */
import type { z } from 'zod';
import type { MethodDefinition } from './method.js';
import { collectionMethods } from './methods/collection.js';
import { destinationMethods } from './methods/destinations.js';
import { discoveryMethods } from './methods/discovery.js';
import { eventMethods } from './methods/events.js';
import { fileMethods } from './methods/files.js';
import { linkMethods } from './methods/links.js';
import { manifestMethods } from './methods/manifests.js';
import { recvMethods } from './methods/recv.js';
import { rightsMethods } from './methods/rights.js';
import { sendMethods } from './methods/send.js';
import { serverMethods } from './methods/server.js';
import { settingsMethods } from './methods/settings.js';
import { webhookMethods } from './methods/webhooks.js';

export const METHODS = {
  ...serverMethods,
  ...fileMethods,
  ...rightsMethods,
  ...settingsMethods,
  ...eventMethods,
  ...collectionMethods,
  ...discoveryMethods,
  ...webhookMethods,
  ...manifestMethods,
  ...destinationMethods,
  ...sendMethods,
  ...linkMethods,
  ...recvMethods,
} as const;

export type MethodName = keyof typeof METHODS;
type Definition<M extends MethodName> = (typeof METHODS)[M];

/** Parameters as a caller writes them. */
export type ParamsInput<M extends MethodName> = z.input<Definition<M>['params']>;
/** Parameters as the server sees them: parsed, references reduced to ids. */
export type Params<M extends MethodName> = z.output<Definition<M>['params']>;
/** What the method answers. */
export type Result<M extends MethodName> = z.output<Definition<M>['result']>;
/** What `getRequestResult` yields for an `…Async` method; never for others. */
export type RequestResult<M extends MethodName> =
  Definition<M> extends { requestResult?: infer Q }
    ? NonNullable<Q> extends z.ZodType
      ? z.output<NonNullable<Q>>
      : never
    : never;
/** Names of required parameters, in positional order. */
export type Required<M extends MethodName> = Definition<M>['required'];

/** Whether a string names a method. */
export const isMethodName = (name: string): name is MethodName => Object.hasOwn(METHODS, name);

/** The definition without its narrow types, for code that treats all methods alike. */
export const definitionOf = (name: MethodName): MethodDefinition =>
  METHODS[name] as unknown as MethodDefinition;
