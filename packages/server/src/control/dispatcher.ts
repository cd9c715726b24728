/**
 * From the name of a method to its result. Every call, over whatever transport, goes through here:
 * look-up, access check, parameters, handler. What comes out is a result or a {@link CommandError}.
 */
import { randomUUID } from 'node:crypto';
import {
  CommandError,
  definitionOf,
  isMethodName,
  METHODS,
  type MethodDefinition,
  type MethodName,
} from '@jetstream/contract';
import type { Logger } from '../adapters/log/logger.js';
import type { IdempotentCalls } from '../idempotency/idempotent-calls.js';
import type { Caller } from '../sessions/caller.js';
import type { Session } from '../sessions/session.js';
import { checkAccess } from './access.js';
import { closestName } from './closest-name.js';
import type { CallContext, Handlers, RequestRun } from './handler.js';
import { CONTROL_LIMITS } from './limits.js';
import { parseParameters } from './parameters.js';

/** Where a call comes from. */
export interface CallOrigin {
  readonly caller: Caller | null;
  readonly session: Session | null;
  readonly signal: AbortSignal;
}

/** Starts requests; see `RequestService`. */
export interface RequestSubmitter {
  submit<M extends MethodName>(
    caller: Caller,
    method: M,
    run: RequestRun<M>,
  ): Promise<{ requestId: number }>;
}

export interface DispatcherOptions {
  readonly handlers: Handlers<MethodName>;
  readonly requests: RequestSubmitter;
  readonly idempotentCalls: Pick<IdempotentCalls, 'run'>;
  readonly logger: Logger;
}

type AnyHandler = (params: unknown, call: CallContext) => unknown;

interface Entry {
  readonly name: MethodName;
  readonly definition: MethodDefinition;
  readonly handler: AnyHandler;
}

class Call implements CallContext {
  readonly caller: Caller | null;
  readonly session: Session | null;
  readonly signal: AbortSignal;
  readonly #requests: RequestSubmitter;

  constructor(origin: CallOrigin, requests: RequestSubmitter) {
    this.caller = origin.caller;
    this.session = origin.session;
    this.signal = origin.signal;
    this.#requests = requests;
  }

  submit<M extends MethodName>(method: M, run: RequestRun<M>): Promise<{ requestId: number }> {
    // A login during this call has put its caller into the session.
    const caller = this.caller ?? this.session?.login?.caller ?? null;
    if (caller === null) throw new Error(`"${method}" made a request without a caller`);
    return this.#requests.submit(caller, method, run);
  }
}

const unknownMethod = (name: string, known: readonly string[]): CommandError => {
  const near = closestName(name, known);
  const hint = near === null ? 'expected a name from /openrpc.json' : `did you mean "${near}"?`;
  const shown = JSON.stringify(name.slice(0, CONTROL_LIMITS.shownCharactersMax));
  return new CommandError('unknown_method', `Cannot call ${shown}: no such method, ${hint}`, {
    details: { method: name.slice(0, CONTROL_LIMITS.shownCharactersMax), closest: near },
  });
};

export class Dispatcher {
  readonly #entries = new Map<string, Entry>();
  readonly #requests: RequestSubmitter;
  readonly #idempotentCalls: Pick<IdempotentCalls, 'run'>;
  readonly #logger: Logger;
  #stopping = false;

  /** @throws {Error} If the handlers are not exactly those of the contract's methods. */
  constructor(options: DispatcherOptions) {
    this.#requests = options.requests;
    this.#idempotentCalls = options.idempotentCalls;
    this.#logger = options.logger;
    for (const [name, handler] of Object.entries(options.handlers)) {
      if (!isMethodName(name)) throw new Error(`A handler is for "${name}", which is no method`);
      this.#entries.set(name, {
        name,
        definition: definitionOf(name),
        handler: handler as AnyHandler,
      });
    }
    const missing = Object.keys(METHODS).filter((name) => !this.#entries.has(name));
    if (missing.length > 0) throw new Error(`Methods without a handler: ${missing.join(', ')}`);
  }

  /** From now on calls that change something are refused. */
  drain(): void {
    this.#stopping = true;
  }

  /**
   * Runs one call.
   *
   * @throws {CommandError} Whatever went wrong; other errors are logged and become `internal`.
   */
  async call(name: string, params: unknown, origin: CallOrigin): Promise<unknown> {
    try {
      const entry = this.#entries.get(name);
      if (entry === undefined) throw unknownMethod(name, [...this.#entries.keys()]);
      checkAccess(entry.name, entry.definition.access, origin.caller);
      const parsed = parseParameters(name, entry.definition, params);
      if (this.#stopping && entry.definition.mutates) {
        throw new CommandError('shutting_down', `Cannot call "${name}": the server is stopping`);
      }
      return await this.#run(entry, parsed, origin);
    } catch (error) {
      throw error instanceof CommandError ? error : this.#unexpected(name, error);
    }
  }

  async #run(
    { name, definition, handler }: Entry,
    parsed: Record<string, unknown>,
    origin: CallOrigin,
  ): Promise<unknown> {
    const call = new Call(origin, this.#requests);
    const { idempotencyKey: key, ...params } = parsed;
    const { caller } = origin;
    if (!definition.mutates || typeof key !== 'string' || caller === null) {
      return handler(params, call);
    }
    return this.#idempotentCalls.run({ key, caller, method: name, params }, async () =>
      handler(params, call),
    );
  }

  #unexpected(method: string, error: unknown): CommandError {
    const incident = randomUUID();
    this.#logger.error({ method, incident, err: error }, 'a call failed unexpectedly');
    return new CommandError(
      'internal',
      `Cannot finish "${method.slice(0, 100)}": the server failed unexpectedly; its log has the incident ${incident}`,
      { details: { incident } },
    );
  }
}
