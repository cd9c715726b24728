/**
 * What a domain service offers to the dispatcher: one handler per method. The dispatcher has
 * parsed the parameters, checked the access level and the login before it calls one.
 */
import type { MethodName, Params, RequestResult, Result } from '@jetstream/contract';
import type { StoredJson } from '../requests/stored-json.js';
import type { Caller } from '../sessions/caller.js';
import type { Session } from '../sessions/session.js';

/** What the code behind an `…Async` method gets. */
export interface RequestWork {
  /** Fires when the request is cancelled or the server stops. */
  readonly signal: AbortSignal;
  /** Publishes counters of a running request; cheap, call it as often as you like. */
  progress(counters: Readonly<Record<string, number>>): void;
}

/**
 * Code behind an `…Async` method. Results that may be large are given as {@link StoredJson}, so
 * that they are neither parsed nor held on the main thread.
 */
export type RequestRun<M extends MethodName> = (
  work: RequestWork,
) => Promise<RequestResult<M> | StoredJson>;

export interface CallContext {
  /** The logged-in caller. Public methods find null here when nobody is logged in. */
  readonly caller: Caller | null;
  /** The WebSocket session of the call; null over HTTP, where each call logs in by itself. */
  readonly session: Session | null;
  /** Fires when the client's connection is gone or the server stops. */
  readonly signal: AbortSignal;
  /** Starts a request owned by the caller and returns its handle at once. */
  submit<M extends MethodName>(method: M, run: RequestRun<M>): Promise<{ requestId: number }>;
}

export type Handler<M extends MethodName> = (
  params: Params<M>,
  call: CallContext,
) => Promise<Result<M>> | Result<M>;

/** Handlers of some methods, by wire name. Together the services cover the whole contract. */
export type Handlers<M extends MethodName> = { readonly [K in M]: Handler<K> };

/**
 * The caller of a method that needs a login.
 *
 * @throws {Error} If the dispatcher let an anonymous call through, which is a defect.
 */
export const callerOf = (call: CallContext): Caller => {
  if (call.caller === null) throw new Error('a method that needs a login was called without one');
  return call.caller;
};
