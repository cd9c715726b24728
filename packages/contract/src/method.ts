/**
 * What one API method is, as data. Server validation and access checks, the typed client, the
 * console API and the published descriptions all derive from these definitions.
 */
import { z } from 'zod';
import type { ErrorCode } from './errors.js';

/**
 * Who may call: anyone connected, a logged-in user, a session elevated by `wrangler()`, a session
 * elevated by `superuser()`. Each level includes the ones before it.
 */
export const ACCESS_LEVELS = ['public', 'user', 'wrangler', 'superuser'] as const;
export type Access = (typeof ACCESS_LEVELS)[number];

export interface MethodDefinition {
  /** Strict object: an unknown parameter is an error. Optional ones accept null as absent. */
  readonly params: z.ZodObject;
  /** Optional parameters for which null is a value of its own. */
  readonly nullable?: readonly string[];
  /** Names of the required parameters in the order of positional arguments. */
  readonly required: readonly string[];
  readonly result: z.ZodType;
  /** What `getRequestResult` yields for an `…Async` method. */
  readonly requestResult?: z.ZodType;
  readonly access: Access;
  /** Error codes beyond the ones every method may answer with ({@link COMMON_ERRORS}). */
  readonly errors: readonly ErrorCode[];
  /** Version of the reference API with this method, or `ours`. */
  readonly since: string;
  readonly summary: string;
  /** Description of each parameter, by name. */
  readonly paramDocs: Readonly<Record<string, string>>;
  /** Changes state: takes an `idempotencyKey`, is logged, refused while stopping. */
  readonly mutates: boolean;
}

/** Codes that any call may fail with, whatever its method. */
export const COMMON_ERRORS: readonly ErrorCode[] = [
  'parse_error',
  'invalid_request',
  'unknown_method',
  'invalid_params',
  'message_too_large',
  'batch_too_large',
  'too_many_requests',
  'not_authenticated',
  'permission_denied',
  'shutting_down',
  'outcome_unknown',
  'internal',
];

/** Most characters of an `idempotencyKey`. */
export const IDEMPOTENCY_KEY_LENGTH_MAX = 128;

/** What every method that changes something takes beside its own parameters. */
const IDEMPOTENT = {
  idempotencyKey: z.string().min(1).max(IDEMPOTENCY_KEY_LENGTH_MAX).nullish(),
};
const IDEMPOTENT_DOCS = {
  idempotencyKey:
    'Ours: a text of your own, such as a UUID; a repeated call with it does nothing and returns the first answer, for 24 hours',
};
type WithKey<P, M> = M extends true ? P & typeof IDEMPOTENT : P;

/** Checks a definition's types at compile time and keeps them narrow. */
export const method = <
  const P extends z.ZodRawShape,
  const Req extends readonly (keyof P & string)[],
  R extends z.ZodType,
  Q extends z.ZodType = z.ZodNever,
  const M extends boolean = false,
>(definition: {
  params: P;
  nullable?: readonly (keyof P & string)[];
  required: Req;
  result: R;
  requestResult?: Q;
  access: Access;
  errors?: readonly ErrorCode[];
  since: string;
  summary: string;
  paramDocs?: { readonly [K in keyof P]?: string };
  mutates?: M;
}) => {
  const mutates = definition.mutates ?? false;
  const shape = { ...definition.params, ...(mutates ? IDEMPOTENT : {}) } as WithKey<P, M>;
  return {
    ...definition,
    params: z.strictObject(shape),
    errors: definition.errors ?? [],
    paramDocs: {
      ...definition.paramDocs,
      ...(mutates ? IDEMPOTENT_DOCS : {}),
    } as Readonly<Record<string, string>>,
    mutates,
  };
};

/** An id, or a structure that holds it under `key`: both name the object. */
export const reference = <K extends string, I extends z.ZodType>(key: K, id: I) =>
  z
    .union([id, z.looseObject({ [key]: id } as Record<K, I>)])
    .transform((value) =>
      typeof value === 'object' && value !== null
        ? ((value as Record<string, unknown>)[key] as z.output<I>)
        : (value as z.output<I>),
    );
