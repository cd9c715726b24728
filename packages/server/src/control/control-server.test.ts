import { readFileSync, statSync } from 'node:fs';
import { connect as connectTls } from 'node:tls';
import { definitionOf, METHODS, type MethodName } from '@jetstream/contract';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { errorOf, ServerLab } from '../server-lab.conformance.js';
import { CONTROL_LIMITS } from './limits.js';

const lab = new ServerLab();
beforeAll(() => lab.start());
afterAll(() => lab.dispose());

const bearer = () => ({ authorization: `Bearer ${lab.localKey}` });

describe('WebSocket /rpc', () => {
  test('getServerInfo needs no login and fits the contract', async () => {
    const session = await lab.connect();
    const info = await session.call('getServerInfo');
    expect(info).toMatchObject({ apiControlPort: lab.port, userName: null, configuration: null });
    await session.call('authToken', { token: lab.localKey });
    expect((await session.call('getServerInfo')).userName).not.toBeNull();
  });

  test('every error is told with a stable code, and the connection lives on', async () => {
    const session = await lab.connect();
    expect((await session.fail('echo', { text: 'x' })).code).toBe('not_authenticated');
    await session.call('authToken', { token: lab.localKey });
    expect((await session.fail('ecko')).code).toBe('unknown_method');
    expect((await session.fail('sleep', { milliseconds: 'x' })).code).toBe('invalid_params');
    expect((await session.fail('echo', { txt: 'x' })).code).toBe('invalid_params');
    expect((await session.fail('terminate')).code).toBe('permission_denied');
    expect((await session.fail('getRequestStatus', [999])).code).toBe('not_found');
    session.socket.send('{"jsonrpc":');
    await session.until(() => session.strays.length === 1);
    expect(errorOf(session.strays[0] ?? {}).code).toBe('parse_error');
    session.socket.send(Buffer.from([1, 2, 3]));
    await session.until(() => session.strays.length === 2);
    expect(errorOf(session.strays[1] ?? {}).code).toBe('invalid_request');
    expect(await session.call('echo', { text: 'alive' })).toBe('alive');
  });

  test('a message that is too large closes the connection with the reason', async () => {
    const session = await lab.connectLocal();
    const other = await lab.connectLocal();
    session.socket.send('x'.repeat(CONTROL_LIMITS.messageBytesMax + 1));
    const { code, reason } = await session.closed;
    expect(code).toBe(1009);
    expect(reason).toContain('message too large');
    expect(await other.call('echo', { text: 'alive' })).toBe('alive');
  });

  test('without a login a message is as large as a login at most', async () => {
    const session = await lab.connect();
    const text = 'x'.repeat(CONTROL_LIMITS.strangerMessageBytesMax / 2);
    expect((await session.fail('echo', { text })).code).toBe('not_authenticated');
    session.socket.send('x'.repeat(CONTROL_LIMITS.strangerMessageBytesMax + 1));
    const { code, reason } = await session.closed;
    expect([code, reason]).toEqual([1009, expect.stringContaining('before a login')]);
    const member = await lab.connectLocal();
    const long = 'x'.repeat(CONTROL_LIMITS.strangerMessageBytesMax * 4);
    expect(await member.call('echo', { text: long })).toBe(long);
  });

  test('calls may be pipelined, and a slow one holds up no other', async () => {
    const session = await lab.connectLocal();
    const slow = session.raw('sleep', { milliseconds: 86_400_000 });
    const texts = Array.from({ length: 200 }, (_, index) => `text ${index}`);
    const replies = await Promise.all(texts.map((text) => session.call('echo', { text })));
    expect(replies).toEqual(texts);
    session.socket.close();
    void slow;
  });

  test('more open calls than allowed are refused by themselves', async () => {
    const session = await lab.connectLocal();
    const sleeping = Array.from({ length: CONTROL_LIMITS.openCallsPerSessionMax }, () =>
      session.raw('sleep', { milliseconds: 86_400_000 }),
    );
    expect((await session.fail('echo')).code).toBe('too_many_requests');
    session.socket.close();
    await session.closed;
    void sleeping;
  });

  test('batches and notifications', async () => {
    const session = await lab.connectLocal();
    const batch = [
      { jsonrpc: '2.0', id: 1, method: 'echo', params: { text: 'a' } },
      { jsonrpc: '2.0', method: 'echo' },
      { jsonrpc: '2.0', id: 2, method: 'nothing' },
    ];
    const reply = new Promise((resolve) =>
      session.socket.once('message', (data) => resolve(JSON.parse(String(data)))),
    );
    session.socket.send(JSON.stringify(batch));
    expect(await reply).toMatchObject([
      { id: 1, result: 'a' },
      { id: 2, error: {} },
    ]);
  });

  test('pages of other sites get no session', async () => {
    const open = (origin: string) =>
      new Promise<string>((resolve) => {
        const url = `wss://127.0.0.1:${lab.port}/rpc`;
        const socket = new WebSocket(url, { rejectUnauthorized: false, origin });
        socket.once('open', () => {
          socket.close();
          resolve('open');
        });
        socket.once('error', (error) => resolve(error.message));
      });
    expect(await open('https://evil.example')).toContain('403');
    expect(await open(`https://127.0.0.1:${lab.port}`)).toBe('open');
  });
});

describe('HTTP', () => {
  test('POST /api answers plain JSON', async () => {
    expect(await lab.api('echo', { text: 'x' }, lab.localKey)).toBe('x');
    const answer = await lab.http('/api/echo', { headers: bearer() });
    expect(answer.text).toBe('null');
  });

  test('POST /api tells errors with status and code', async () => {
    const error = await lab.apiError('echo', {});
    expect(error).toMatchObject({ status: 401, code: 'not_authenticated' });
    expect(await lab.apiError('nothing', {})).toMatchObject({ status: 404 });
    const long = await lab.apiError('x'.repeat(1000), {});
    expect(long).toMatchObject({ status: 400, code: 'invalid_request' });
    const wrong = { authorization: 'Bearer js1.AAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAAAAAAA' };
    expect(await lab.apiError('echo', {}, wrong)).toMatchObject({ code: 'auth_failed' });
    const unknown = { authorization: 'Digest x' };
    expect(await lab.apiError('echo', {}, unknown)).toMatchObject({ code: 'auth_failed' });
    const bad = await lab.http('/api/echo', { body: '{', headers: bearer() });
    expect(bad).toMatchObject({ status: 400, json: { error: { code: 'parse_error' } } });
    const number = await lab.http('/api/echo', { body: '7', headers: bearer() });
    expect(number).toMatchObject({ status: 400, json: { error: { code: 'invalid_request' } } });
    expect(await lab.api('echo', { text: 'alive' }, lab.localKey)).toBe('alive');
  });

  test('only JSON is taken, so that a form of another site can do nothing', async () => {
    const headers = { ...bearer(), 'content-type': 'text/plain' };
    const answer = await lab.http('/api/echo', { headers, body: '{}' });
    expect(answer).toMatchObject({ status: 415, json: { error: { code: 'invalid_request' } } });
    const origin = { ...bearer(), origin: 'https://evil.example' };
    expect(await lab.apiError('echo', {}, origin)).toMatchObject({ status: 403 });
  });

  test('a body that is too large is refused', async () => {
    const body = JSON.stringify({ text: 'x'.repeat(CONTROL_LIMITS.messageBytesMax) });
    const answer = await lab.http('/api/echo', { body, headers: bearer() });
    expect(answer).toMatchObject({ status: 413, json: { error: { code: 'message_too_large' } } });
  });

  test('without a login a body is as large as a login at most', async () => {
    const text = 'x'.repeat(CONTROL_LIMITS.strangerMessageBytesMax);
    const answer = await lab.http('/api/echo', { body: JSON.stringify({ text }) });
    expect(answer).toMatchObject({ status: 413, json: { error: { code: 'message_too_large' } } });
    expect(await lab.api('echo', { text }, lab.localKey)).toBe(text);
  });

  test('so is a head that is too large', async () => {
    const path = `/api/${'x'.repeat(CONTROL_LIMITS.httpHeaderBytesMax)}`;
    const answer = await lab.http(path, { headers: bearer() });
    expect(answer).toMatchObject({ status: 431, json: { error: { code: 'message_too_large' } } });
  });

  test('POST /rpc takes calls, batches and notifications', async () => {
    const rpc = async (message: unknown, headers: Record<string, string> = bearer()) =>
      lab.http('/rpc', { body: JSON.stringify(message), headers });
    const one = await rpc({ jsonrpc: '2.0', id: 1, method: 'echo', params: { text: 'a' } });
    expect(one.json).toEqual({ jsonrpc: '2.0', id: 1, result: 'a' });
    expect((await rpc([])).json).toMatchObject({ error: { code: -32600 } });
    expect((await rpc({ jsonrpc: '2.0', method: 'echo' })).status).toBe(204);
    const anonymous = await rpc({ jsonrpc: '2.0', id: 1, method: 'echo' }, {});
    expect(errorOf(anonymous.json as Record<string, unknown>).code).toBe('not_authenticated');
    expect((await rpc({}, { authorization: 'Bearer x' })).status).toBe(401);
  });

  test('elevation is asked for by call', async () => {
    const plain = await lab.api('getServerInfo', {}, lab.localKey);
    expect(plain.configuration).toBeNull();
    const headers = { ...bearer(), 'x-jetstream-level': 'superuser' };
    const answer = await lab.http('/api/getServerInfo', { headers });
    expect(answer.json).toMatchObject({ configuration: { apiPort: 0 } });
    const unknown = { ...bearer(), 'x-jetstream-level': 'emperor' };
    expect(await lab.apiError('echo', {}, unknown)).toMatchObject({ code: 'permission_denied' });
  });

  test('session methods say that they need a session', async () => {
    for (const method of ['superuser', 'subscribe'] as const) {
      const params = method === 'subscribe' ? { topics: ['requests'] } : {};
      const error = await lab.apiError(method, params, bearer());
      expect(error).toMatchObject({ code: 'invalid_request' });
    }
  });

  test('GET /healthz and /openrpc.json are open, the rest does not exist', async () => {
    const get = (path: string) => lab.http(path, { method: 'GET' });
    expect((await get('/healthz')).json).toEqual({ status: 'ok' });
    expect((await get('/openrpc.json')).json).toMatchObject({ openrpc: '1.3.2' });
    expect((await get('/openapi.json')).json).toMatchObject({ openapi: '3.1.0' });
    expect(await get('/')).toMatchObject({ status: 404, json: { error: { code: 'not_found' } } });
    expect(await get('/api/getServerInfo')).toMatchObject({ status: 404 });
    expect(await get('/api/../state/identity.key')).toMatchObject({ status: 404 });
  });
});

describe('access', () => {
  /** Methods that may be called without a login. A new one is added here on purpose or not at all. */
  const PUBLIC = ['getServerInfo', 'auth', 'authAsync', 'authToken'];

  test('the public methods are the listed ones', () => {
    const names = Object.keys(METHODS) as MethodName[];
    expect(names.filter((name) => definitionOf(name).access === 'public')).toEqual(PUBLIC);
  });

  test('nothing else answers without a login', async () => {
    const session = await lab.connect();
    const names = Object.keys(METHODS).filter((name) => !PUBLIC.includes(name));
    for (const name of names) {
      expect((await session.fail(name, {})).code).toBe('not_authenticated');
    }
  });

  test('TLS 1.2 is refused', async () => {
    const outcome = await new Promise<string>((resolve) => {
      const socket = connectTls({
        host: '127.0.0.1',
        port: lab.port,
        maxVersion: 'TLSv1.2',
        rejectUnauthorized: false,
      });
      socket.once('secureConnect', () => resolve('connected'));
      socket.once('error', (error) => resolve((error as NodeJS.ErrnoException).code ?? 'error'));
    });
    expect(outcome).toContain('VERSION');
  });

  test('the state directory is closed to others', () => {
    expect(statSync(lab.stateDir).mode & 0o777).toBe(0o700);
    for (const name of ['jetstream.db', 'identity.key', 'local.key', 'server.pid']) {
      expect(statSync(`${lab.stateDir}/${name}`).mode & 0o777).toBe(0o600);
    }
    expect(readFileSync(`${lab.stateDir}/server.pid`, 'utf8').trim()).toBe(String(process.pid));
  });
});

describe('life', () => {
  test('a second server on the same state is refused, naming the process', async () => {
    const second = new ServerLab({ persistentStateDir: lab.stateDir });
    await expect(second.start()).rejects.toThrow(`process id ${process.pid}`);
    await second.dispose();
  });

  test('a port in use is told with what to do', async () => {
    const second = new ServerLab({ apiPort: lab.port });
    await expect(second.start()).rejects.toThrow('--api-port');
    await second.dispose();
  });

  test('a certificate of the operator takes the place of the self-signed one', async () => {
    const files = {
      apiTlsCert: `${lab.stateDir}/identity.crt`,
      apiTlsKey: `${lab.stateDir}/identity.key`,
    };
    const other = new ServerLab(files);
    await other.start();
    const shown = (port: number) =>
      new Promise<string>((resolve) => {
        const socket = connectTls({ host: '127.0.0.1', port, rejectUnauthorized: false }, () => {
          resolve(socket.getPeerCertificate().fingerprint256);
          socket.destroy();
        });
      });
    expect(await shown(other.port)).toBe(await shown(lab.port));
    const own = await other.api('getServerInfo');
    expect(own.publicKey).not.toBe((await lab.api('getServerInfo')).publicKey);
    await other.dispose();
    const wrong = new ServerLab({ ...files, apiTlsKey: '/none' });
    await expect(wrong.start()).rejects.toThrow('apiTlsKey');
    const mixed = new ServerLab({ ...files, apiTlsKey: `${lab.stateDir}/identity.crt` });
    await expect(mixed.start()).rejects.toThrow('a certificate of the key');
    await wrong.dispose();
    await mixed.dispose();
  });

  test('a client that does not say goodbye does not keep the server', async () => {
    const other = new ServerLab();
    await other.start();
    const session = await other.connect();
    // Reads nothing any more, so it never learns that the server closes.
    session.socket.pause();
    await other.server.stop({ drainMs: 0 });
    await other.dispose();
  });

  test('terminate answers, closes sessions and ends the server', async () => {
    const other = new ServerLab();
    await other.start();
    const session = await other.connectLocal();
    const waiting = await other.connectLocal();
    await session.call('superuser');
    expect(await session.call('terminate')).toBeNull();
    expect(await other.server.closed).toContain('terminated');
    expect((await waiting.closed).code).toBe(1001);
    await other.dispose();
  });
});
