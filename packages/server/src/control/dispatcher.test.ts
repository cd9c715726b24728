import { CommandError, METHODS, type MethodName, PERMISSIONS } from '@jetstream/contract';
import { describe, expect, test } from 'vitest';
import { type Logger, silentLogger } from '../adapters/log/logger.js';
import type { Caller } from '../sessions/caller.js';
import { Dispatcher } from './dispatcher.js';
import type { Handlers } from './handler.js';

const user: Caller = {
  userName: 'ann',
  level: 'user',
  token: null,
  roots: new Map([['', '/']]),
  sandboxed: false,
  address: '127.0.0.1',
};
const superuser: Caller = { ...user, level: 'superuser' };
const withToken = (permissions: number): Caller => ({
  ...user,
  token: { id: 't', session: 's', permissions, path: null },
});

/** Handlers of all methods; those that a test does not give fail. */
const complete = (given: Partial<Handlers<MethodName>>): Handlers<MethodName> => {
  const unexpected = (name: string) => () => {
    throw new Error(`"${name}" was not expected`);
  };
  const rest = Object.fromEntries(Object.keys(METHODS).map((name) => [name, unexpected(name)]));
  return { ...rest, ...given } as Handlers<MethodName>;
};

const dispatcherWith = (
  handlers: Partial<Handlers<MethodName>>,
  logger: Logger = silentLogger,
): Dispatcher =>
  new Dispatcher({
    handlers: complete(handlers),
    requests: { submit: () => Promise.resolve({ requestId: 1 }) },
    idempotentCalls: { run: (_, perform) => perform() },
    logger,
  });

const { signal } = new AbortController();
const call = (
  dispatcher: Dispatcher,
  method: string,
  given: { params?: unknown; caller?: Caller | null } = {},
): Promise<unknown> =>
  dispatcher.call(method, given.params, { caller: given.caller ?? null, session: null, signal });

const failure = async (promise: Promise<unknown>): Promise<CommandError> => {
  const error = await promise.then(
    () => new Error('it did not fail'),
    (reason: unknown) => reason,
  );
  if (error instanceof CommandError) return error;
  throw error;
};

describe('Dispatcher', () => {
  test('runs the handler with parsed parameters; null means absent', async () => {
    const dispatcher = dispatcherWith({ echo: ({ text }) => text ?? null });
    expect(await call(dispatcher, 'echo', { params: { text: 'x' }, caller: user })).toBe('x');
    expect(await call(dispatcher, 'echo', { params: { text: null }, caller: user })).toBeNull();
    expect(await call(dispatcher, 'echo', { caller: user })).toBeNull();
  });

  test('names the closest method for an unknown one', async () => {
    const dispatcher = dispatcherWith({ echo: () => null });
    const error = await failure(call(dispatcher, 'Ecko', { caller: user }));
    expect(error.code).toBe('unknown_method');
    expect(error.message).toContain('did you mean "echo"?');
    // Methods of the object prototype are no methods.
    for (const name of ['constructor', '__proto__', 'toString', '']) {
      expect((await failure(call(dispatcher, name, { caller: user }))).code).toBe('unknown_method');
    }
  });

  test('refuses before it looks at parameters when nobody is logged in', async () => {
    const dispatcher = dispatcherWith({ echo: () => null });
    const error = await failure(call(dispatcher, 'echo', { params: { wrong: 1 } }));
    expect(error.code).toBe('not_authenticated');
  });

  test('asks for the level of the method', async () => {
    let calls = 0;
    const dispatcher = dispatcherWith({
      terminate: () => {
        calls += 1;
        return null;
      },
    });
    const error = await failure(call(dispatcher, 'terminate', { caller: user }));
    expect(error.code).toBe('permission_denied');
    expect(calls).toBe(0);
    await call(dispatcher, 'terminate', { caller: superuser });
    expect(calls).toBe(1);
  });

  test('asks an API token for its permission, and never lets it administrate', async () => {
    const dispatcher = dispatcherWith({
      mkdirAsync: () => Promise.resolve({ requestId: 1 }),
      getAPITokens: () => Promise.resolve([]),
    });
    const mkdir = (permissions: number): Promise<unknown> =>
      call(dispatcher, 'mkdirAsync', { params: { path: '/x' }, caller: withToken(permissions) });
    await mkdir(PERMISSIONS.MODIFY);
    const error = await failure(mkdir(31 - PERMISSIONS.MODIFY));
    expect(error.code).toBe('permission_denied');
    expect(error.details).toEqual({ permission: 'MODIFY' });
    expect((await failure(call(dispatcher, 'getAPITokens', { caller: withToken(31) }))).code).toBe(
      'permission_denied',
    );
  });

  test('hides unexpected errors behind an incident that the log explains', async () => {
    const logged: object[] = [];
    const logger = { ...silentLogger, error: (facts: object) => void logged.push(facts) };
    const secret = new Error('secret detail');
    const dispatcher = dispatcherWith(
      {
        echo: () => {
          throw secret;
        },
      },
      logger,
    );
    const error = await failure(call(dispatcher, 'echo', { caller: user }));
    expect(error.code).toBe('internal');
    expect(error.message).not.toContain('secret');
    expect(logged).toEqual([{ method: 'echo', incident: error.details['incident'], err: secret }]);
  });

  test('refuses what changes something while it drains, and still answers the rest', async () => {
    const dispatcher = dispatcherWith({
      echo: () => 'still here',
      mkdirAsync: () => Promise.resolve({ requestId: 1 }),
    });
    dispatcher.drain();
    const mkdir = call(dispatcher, 'mkdirAsync', { params: { path: '/x' }, caller: user });
    expect((await failure(mkdir)).code).toBe('shutting_down');
    expect(await call(dispatcher, 'echo', { caller: user })).toBe('still here');
  });

  test('gives mutating calls with a key to those who keep answers, without the key', async () => {
    const seen: unknown[] = [];
    const dispatcher = new Dispatcher({
      handlers: complete({
        mkdirAsync: (params) => {
          seen.push(params);
          return Promise.resolve({ requestId: 1 });
        },
        echo: () => null,
      }),
      requests: { submit: () => Promise.resolve({ requestId: 1 }) },
      idempotentCalls: {
        run: ({ key, method, params }, perform) => {
          seen.push([key, method, params]);
          return perform();
        },
      },
      logger: silentLogger,
    });
    const keyed = { path: '/x', idempotencyKey: 'k' };
    await call(dispatcher, 'mkdirAsync', { params: keyed, caller: user });
    await call(dispatcher, 'mkdirAsync', {
      params: { path: '/y', idempotencyKey: null },
      caller: user,
    });
    expect(seen).toEqual([['k', 'mkdirAsync', { path: '/x' }], { path: '/x' }, { path: '/y' }]);
    const echo = call(dispatcher, 'echo', { params: { idempotencyKey: 'k' }, caller: user });
    expect((await failure(echo)).code).toBe('invalid_params');
  });

  test('refuses a handler for no method, and a method without a handler', () => {
    const handlers = { nothing: () => null } as Partial<Handlers<MethodName>>;
    expect(() => dispatcherWith(handlers)).toThrow('nothing');
    const { echo: _, ...rest } = complete({});
    const requests = { submit: () => Promise.resolve({ requestId: 1 }) };
    const idempotentCalls = { run: (): Promise<unknown> => Promise.resolve() };
    const handlersOfSome = rest as Handlers<MethodName>;
    const options = { handlers: handlersOfSome, requests, idempotentCalls, logger: silentLogger };
    expect(() => new Dispatcher(options)).toThrow('echo');
  });
});
