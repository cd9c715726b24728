/**
 * The method objects `api.server`, `api.send` and `api.recv`, in type and at run time, derived from
 * the contract's table: a method exists here because it has a row there.
 */
import {
  CommandError,
  definitionOf,
  isMethodName,
  METHODS,
  type MethodName,
  type ParamsInput,
  type RequestResult,
  type Required as RequiredNames,
  type Result,
} from '@jetstream/contract';

/** How long and for whom one call waits; always the last argument, after the parameters. */
export interface CallOptions {
  /** Ends the wait with `cancelled`; a request that was waited for is cancelled on the server. */
  readonly signal?: AbortSignal;
  /** Longest wait in milliseconds, then `timeout` is raised; no limit when absent. */
  readonly timeoutMs?: number;
}

/** The types of the required parameters in their order; `Input` has them by name. */
type Positional<Names extends readonly unknown[], Input> = {
  -readonly [Index in keyof Names]: Names[Index] extends keyof Input ? Input[Names[Index]] : never;
};

/** Optional parameters of a method, as one object. */
export type Options<M extends MethodName> = Omit<ParamsInput<M>, RequiredNames<M>[number]>;

/** Arguments of a method: the required parameters, one object with the others, call options. */
export type Args<M extends MethodName> = [
  ...required: Positional<RequiredNames<M>, ParamsInput<M>>,
  options?: Options<M>,
  call?: CallOptions,
];

/** Interface of a method: the part of its wire name before the dot, `server` when there is none. */
export type InterfaceName = 'server' | 'send' | 'recv';

type MethodsOf<I extends InterfaceName> = I extends 'server'
  ? Exclude<MethodName, `${string}.${string}`>
  : Extract<MethodName, `${I}.${string}`>;

type LocalName<M extends string> = M extends `${string}.${infer Name}` ? Name : M;

/** `ls` for `lsAsync`; nothing when a method of that name exists by itself, like `auth`. */
type WaitingName<M extends string> = M extends `${infer Name}Async`
  ? Name extends MethodName
    ? never
    : LocalName<Name>
  : never;

type Direct<I extends InterfaceName> = {
  readonly [M in MethodsOf<I> as LocalName<M>]: (...args: Args<M>) => Promise<Result<M>>;
};
/** A few methods named like requests are complete when they return: they have no other result. */
type EndResult<M extends MethodName> = [RequestResult<M>] extends [never]
  ? Result<M>
  : RequestResult<M>;
type Waiting<I extends InterfaceName> = {
  readonly [M in MethodsOf<I> as WaitingName<M>]: (...args: Args<M>) => Promise<EndResult<M>>;
};

/** Methods of the server interface, and `ls(…)` beside each `lsAsync(…)`. */
export type ServerInterface = Direct<'server'> & Waiting<'server'>;
/** Methods of the send interface. */
export type SendInterface = Direct<'send'> & Waiting<'send'>;
/** Methods of the receive interface. */
export type RecvInterface = Direct<'recv'> & Waiting<'recv'>;

/** What the method objects call. */
export interface Invoker {
  call(method: MethodName, params: object, options: CallOptions): Promise<unknown>;
  /** Submits a request and waits for its result. */
  request(method: MethodName, params: object, options: CallOptions): Promise<unknown>;
}

/** The three method objects. */
export interface Interfaces {
  readonly server: ServerInterface;
  readonly send: SendInterface;
  readonly recv: RecvInterface;
}

interface Arguments {
  readonly params: Record<string, unknown>;
  readonly options: CallOptions;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const sortArguments = (method: MethodName, args: readonly unknown[]): Arguments => {
  const { required } = definitionOf(method);
  const wrong = (what: string): CommandError =>
    new CommandError('invalid_params', `Cannot call "${method}": ${what}`, { details: { method } });
  if (args.length > required.length + 2) {
    throw wrong(`${args.length} arguments, expected at most ${required.length + 2}`);
  }
  const params: Record<string, unknown> = {};
  for (const [index, name] of required.entries()) {
    const value = args[index];
    if (value === undefined || value === null) throw wrong(`"${name}" is missing`);
    params[name] = value;
  }
  const optional = args[required.length] ?? {};
  const call = args[required.length + 1] ?? {};
  if (!isObject(optional)) {
    throw wrong(`argument ${required.length + 1} is ${typeof optional}, expected an object`);
  }
  if (!isObject(call)) throw wrong(`the last argument is ${typeof call}, expected call options`);
  for (const [name, value] of Object.entries(optional)) {
    if (value !== undefined) params[name] = value;
  }
  return { params, options: call };
};

/** Builds the method objects. */
export const buildInterfaces = (invoker: Invoker): Interfaces => {
  type Method = (...args: unknown[]) => Promise<unknown>;
  const built: Record<InterfaceName, Record<string, Method>> = { server: {}, send: {}, recv: {} };
  for (const method of Object.keys(METHODS) as MethodName[]) {
    const dot = method.indexOf('.');
    const object = built[(dot < 0 ? 'server' : method.slice(0, dot)) as InterfaceName];
    const name = method.slice(dot + 1);
    object[name] = async (...args) => {
      const { params, options } = sortArguments(method, args);
      return invoker.call(method, params, options);
    };
    if (!name.endsWith('Async') || isMethodName(method.slice(0, -'Async'.length))) continue;
    object[name.slice(0, -'Async'.length)] = async (...args) => {
      const { params, options } = sortArguments(method, args);
      const makesRequest = definitionOf(method).requestResult !== undefined;
      return makesRequest
        ? invoker.request(method, params, options)
        : invoker.call(method, params, options);
    };
  }
  return built as unknown as Interfaces;
};
