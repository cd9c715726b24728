import { CommandError, type Listing } from '@jetstream/contract';
import { describe, expect, it } from 'vitest';
import { failure, loggedIn, startServer } from './client-lab.conformance.js';

const gate = (): { wait: Promise<void>; open: () => void } => {
  let open: () => void = () => undefined;
  const wait = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { wait, open };
};

describe('Api: reconnecting', () => {
  it('repeats calls that change nothing, after the same login', async () => {
    const hold = gate();
    let attempts = 0;
    const server = await startServer({
      echo: async ({ text }) => {
        attempts += 1;
        if (attempts === 1) await hold.wait;
        return text;
      },
    });
    const api = await loggedIn(server);
    const reconnects: number[] = [];
    api.on('reconnect', (event) => reconnects.push(event.attempts));
    await api.server.superuser();
    await api.server.subscribe(['transfers']);
    const answer = api.server.echo({ text: 'again' });
    await expect.poll(() => attempts).toBe(1);
    server.dropAll();
    expect(await answer).toBe('again');
    expect(server.calls.slice(4)).toEqual(['auth', 'superuser', 'subscribe', 'echo']);
    expect(reconnects).toEqual([1]);
  });

  it('fails a mutating call with connection_lost and its name', async () => {
    const server = await startServer({ mkdirAsync: () => new Promise(() => undefined) });
    const api = await loggedIn(server);
    const wait = failure(api.server.mkdir('/x'));
    await expect.poll(() => server.calls.at(-1)).toBe('mkdirAsync');
    server.dropAll();
    const error = await wait;
    expect(error.code).toBe('connection_lost');
    expect(error.details).toMatchObject({ method: 'mkdirAsync' });
    expect(error.message).toContain('may have been carried out');
    expect(await api.server.echo({ text: 'x' })).toBe('x');
    expect(server.calls.filter((name) => name === 'mkdirAsync')).toHaveLength(1);
  });

  it('repeats a mutating call with an idempotency key, under the same key', async () => {
    const hold = gate();
    const keys: unknown[] = [];
    const server = await startServer({
      mkdirAsync: async ({ idempotencyKey }) => {
        keys.push(idempotencyKey);
        if (keys.length === 1) await hold.wait;
        return { requestId: 7 };
      },
    });
    const api = await loggedIn(server);
    const wait = api.server.mkdirAsync('/x', { idempotencyKey: 'k-1' });
    await expect.poll(() => keys.length).toBe(1);
    server.dropAll();
    expect(await wait).toEqual({ requestId: 7 });
    expect(keys).toEqual(['k-1', 'k-1']);
  });

  it('waits for a request over a restart of the server', async () => {
    const listing: Listing = { path: '/', files: [] };
    const first = await startServer({
      lsAsync: () => ({ requestId: 4 }),
      getRequestResult: () => new Promise(() => undefined),
    });
    const api = await loggedIn(first);
    const wait = api.server.ls('/');
    await expect.poll(() => first.calls.at(-1)).toBe('getRequestResult');
    await first.stop();
    await startServer({ getRequestResult: () => listing }, first.port);
    expect(await wait).toEqual(listing);
  });

  it('keeps the token session, so that earlier requests stay visible', async () => {
    const sessions: unknown[] = [];
    const server = await startServer({
      authToken: ({ tokenSession }, session) => {
        sessions.push(tokenSession);
        session.user = 'x';
        return null;
      },
    });
    const api = await loggedIn(server, { credentials: { token: 'js1.id.secret' } });
    server.dropAll();
    await api.server.echo();
    expect(sessions).toHaveLength(2);
    expect(sessions[0]).toBeTypeOf('string');
    expect(sessions[1]).toBe(sessions[0]);
  });

  it('does not send a mutating call that the caller gave up while disconnected', async () => {
    const server = await startServer({ mkdirAsync: () => ({ requestId: 1 }) });
    const api = await loggedIn(server);
    const lost = new Promise((resolve) => api.on('disconnect', resolve));
    await server.stop();
    await lost;
    const error = await failure(api.server.mkdirAsync('/x', {}, { timeoutMs: 1 }));
    expect(error.code).toBe('timeout');
    const second = await startServer({ mkdirAsync: () => ({ requestId: 1 }) }, server.port);
    await api.server.echo();
    expect(second.calls).not.toContain('mkdirAsync');
  });

  it('ends when the login no longer works', async () => {
    const server = await startServer();
    const api = await loggedIn(server);
    const closed = new Promise<CommandError | null>((resolve) => {
      api.on('close', ({ error }) => resolve(error));
    });
    await server.stop();
    await startServer(
      {
        auth: () => {
          throw new CommandError('auth_failed', 'Cannot log in');
        },
      },
      server.port,
    );
    expect((await closed)?.code).toBe('auth_failed');
    expect((await failure(api.server.echo())).code).toBe('auth_failed');
  });

  it('gives up after giveUpAfterMs', async () => {
    const server = await startServer();
    const api = await loggedIn(server, { reconnect: { initialMs: 1, giveUpAfterMs: 0 } });
    const closed = new Promise((resolve) => api.on('close', resolve));
    await server.stop();
    await closed;
    expect((await failure(api.server.echo())).code).toBe('connection_lost');
  });

  it('fails calls in flight when it is closed', async () => {
    const server = await startServer({ echo: () => new Promise(() => undefined) });
    const api = await loggedIn(server);
    const wait = failure(api.server.echo());
    await expect.poll(() => server.calls.at(-1)).toBe('echo');
    await api.close();
    expect((await wait).code).toBe('connection_lost');
    expect((await failure(api.server.echo())).message).toContain('closed');
    await expect.poll(() => server.sessions).toBe(0);
  });

  it('counts a connection without any answer to pings as broken', async () => {
    const server = await startServer({
      echo: (_params, session) => {
        // From here on the server reads nothing, like a host that has lost its network.
        session.socket.pause();
        return null;
      },
    });
    const api = await loggedIn(server, { pingIntervalMs: 20 });
    const lost = new Promise((resolve) => api.on('disconnect', resolve));
    await api.server.echo();
    await lost;
  });

  it('delivers notifications', async () => {
    const server = await startServer();
    const api = await loggedIn(server);
    const seen = new Promise((resolve) => api.on('notify', resolve));
    server.notify('transfers', { transferId: 'x' });
    expect(await seen).toEqual({ topic: 'transfers', item: { transferId: 'x' } });
  });
});
