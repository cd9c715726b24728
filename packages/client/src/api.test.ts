import { CommandError, type Listing, type TransferStructure } from '@jetstream/contract';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { apiOf, failure, loggedIn, startServer } from './client-lab.conformance.js';

describe('Api: calls', () => {
  it('logs in while connecting and answers', async () => {
    const server = await startServer();
    const api = await loggedIn(server);
    expect(api.connected).toBe(true);
    expect(api.authenticated).toBe(true);
    expect(await api.server.echo({ text: 'hello' })).toBe('hello');
    expect(await api.server.echo()).toBeNull();
    expect(server.calls).toEqual(['auth', 'echo', 'echo']);
  });

  it('matches many answers to their calls, whatever their order', async () => {
    const server = await startServer({
      echo: async ({ text }) => {
        const turns = Number(text) % 7;
        for (let turn = 0; turn < turns; turn += 1) await new Promise(setImmediate);
        return text;
      },
    });
    const api = await loggedIn(server);
    const texts = Array.from({ length: 500 }, (_, index) => String(index));
    expect(await Promise.all(texts.map((text) => api.server.echo({ text })))).toEqual(texts);
  });

  it('hides the request behind the name without Async', async () => {
    const listing: Listing = { path: '/x', files: [] };
    const server = await startServer({
      lsAsync: () => ({ requestId: 7 }),
      getRequestResult: ({ requestId }) => (requestId === 7 ? listing : null),
    });
    const api = await loggedIn(server);
    expect(await api.server.lsAsync('/x')).toEqual({ requestId: 7 });
    expect(await api.server.ls('/x', { directory: true })).toEqual(listing);
  });

  it('takes an id or the structure that holds it', async () => {
    const seen: unknown[] = [];
    const server = await startServer({
      getRequestResult: ({ requestId }) => {
        seen.push(requestId);
        return null;
      },
    });
    const api = await loggedIn(server);
    await api.server.getRequestResult(3);
    await api.server.getRequestResult({ requestId: 3 });
    expect(seen).toEqual([3, 3]);
  });

  it('has types that come from the contract', async () => {
    const api = apiOf(1);
    expectTypeOf(api.server.ls).returns.resolves.toEqualTypeOf<Listing>();
    expectTypeOf(api.send.getTransfer).returns.resolves.toEqualTypeOf<TransferStructure>();
    expectTypeOf(api.server.auth).parameter(0).toEqualTypeOf<string>();
    expectTypeOf(api.recv.getTransfers).returns.resolves.toBeArray();
    expectTypeOf(api.server.mkdir).returns.resolves.toBeNull();
    // @ts-expect-error A required parameter is missing.
    await expect(api.server.ls()).rejects.toThrow('"path" is missing');
    // @ts-expect-error An unknown option.
    await expect(api.server.ls('/x', { recursive: true })).rejects.toThrow('connect()');
  });
});

describe('Api: errors', () => {
  it('raises the error of the server with code, message and details', async () => {
    const server = await startServer({
      echo: () => {
        throw new CommandError('path_not_found', 'Cannot list "/x": nothing is there', {
          details: { path: '/x' },
        });
      },
    });
    const error = await failure((await loggedIn(server)).server.echo());
    expect(error.code).toBe('path_not_found');
    expect(error.message).toBe('Cannot list "/x": nothing is there');
    expect(error.details).toEqual({ path: '/x' });
  });

  it('fails to connect with wrong credentials, and leaves no session', async () => {
    const server = await startServer();
    const api = apiOf(server.port, { credentials: { userName: 'jsmith', password: 'wrong' } });
    expect((await failure(api.connect())).code).toBe('auth_failed');
    expect(api.connected).toBe(false);
    await expect.poll(() => server.sessions).toBe(0);
  });

  it('names the address when nothing listens', async () => {
    const server = await startServer();
    await server.stop();
    const error = await failure(apiOf(server.port).connect());
    expect(error.code).toBe('connection_lost');
    expect(error.message).toContain(`"127.0.0.1:${server.port}": nothing listens there`);
  });

  it('refuses an oversized message before it is sent, and goes on', async () => {
    const server = await startServer();
    const api = await loggedIn(server);
    const error = await failure(api.server.echo({ text: 'é'.repeat(9 * 1024 * 1024) }));
    expect(error.code).toBe('message_too_large');
    expect(server.calls).toEqual(['auth']);
    expect(await api.server.echo({ text: 'still here' })).toBe('still here');
  });

  it('stops waiting after timeoutMs or by signal, and cancels the request', async () => {
    const cancelled: unknown[] = [];
    const server = await startServer({
      lsAsync: () => ({ requestId: 9 }),
      getRequestResult: () => new Promise(() => undefined),
      cancelRequest: ({ requestId }) => {
        cancelled.push(requestId);
        return null;
      },
    });
    const api = await loggedIn(server);
    expect((await failure(api.server.ls('/', {}, { timeoutMs: 20 }))).code).toBe('timeout');
    const abort = new AbortController();
    const wait = failure(api.server.ls('/', {}, { signal: abort.signal }));
    await expect.poll(() => server.calls.slice(3)).toEqual(['lsAsync', 'getRequestResult']);
    abort.abort();
    expect((await wait).code).toBe('cancelled');
    await expect.poll(() => cancelled).toEqual([9]);
    const late = new AbortController();
    const early = failure(api.server.ls('/', {}, { signal: late.signal }));
    late.abort();
    expect((await early).code).toBe('cancelled');
    await expect.poll(() => cancelled).toEqual([9, 9]);
  });
});
