import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ServerLab } from '../server-lab.conformance.js';
import { openUsers } from '../users/open-users.js';

const lab = new ServerLab({ superuser: ['root2'], sandboxDir: '/tmp' });

beforeAll(async () => {
  await lab.start();
  for (const name of ['ann', 'bob', 'root2', 'eve']) await lab.addUser(name);
}, 30_000);
afterAll(() => lab.dispose());

const users = async <T>(use: (opened: Awaited<ReturnType<typeof openUsers>>) => Promise<T>) => {
  await using opened = await openUsers(lab.stateDir);
  return await use(opened);
};

describe('passwords', () => {
  test('a user logs in by auth, authAsync and Basic', async () => {
    const session = await lab.connect();
    await session.call('auth', { userName: 'ann', password: 'ann-password' });
    expect(await session.call('getServerInfo')).toMatchObject({ userName: 'ann', sandboxed: true });
    const other = await lab.connect();
    const params = { userName: 'ann', password: 'ann-password' };
    expect(await other.finish('authAsync', params)).toBeNull();
    const basic = Buffer.from('ann:ann-password').toString('base64');
    const headers = { authorization: `Basic ${basic}` };
    expect((await lab.http('/api/echo', { headers, body: '{"text":"x"}' })).json).toBe('x');
  });

  test('a wrong password and an unknown user get the same answer', async () => {
    const session = await lab.connect();
    const wrong = await session.fail('auth', { userName: 'bob', password: 'x' });
    const unknown = await session.fail('auth', { userName: 'nobody', password: 'x' });
    expect(wrong).toEqual(unknown);
    expect(wrong.code).toBe('auth_failed');
    expect((await session.fail('echo')).code).toBe('not_authenticated');
    const later = await session.fail('authAsync', { userName: 'bob', password: 'y' });
    expect(later.code).toBe('auth_failed');
    expect((await session.fail('authAsync', { userName: 'bob' })).code).toBe('invalid_params');
  });

  test('the account of the process has no password of its own', async () => {
    const info = await (await lab.connectLocal()).call('getServerInfo');
    const session = await lab.connect();
    const params = { userName: info.userName ?? '', password: 'anything' };
    expect((await session.fail('auth', params)).code).toBe('auth_failed');
  });

  test('many failures lock the account, and nothing else', async () => {
    const session = await lab.connect();
    const codes: string[] = [];
    for (let round = 0; round < 4; round += 1) {
      codes.push((await session.fail('auth', { userName: 'eve', password: 'x' })).code);
    }
    expect(codes).toEqual(['auth_failed', 'auth_failed', 'auth_failed', 'auth_locked']);
    await session.call('auth', { userName: 'ann', password: 'ann-password' });
  });

  test('a user that is locked, changed or removed loses open logins within seconds', async () => {
    await lab.addUser('cid');
    await lab.addUser('dan');
    const cid = await lab.connectUser('cid');
    const dan = await lab.connectUser('dan');
    const ann = await lab.connectUser('ann');
    await users(({ users }) => users.setLocked('cid', true));
    await users(({ users }) => users.setPassword('dan', 'another password'));
    const loggedOut = async (session: typeof cid): Promise<void> => {
      while ((await session.raw('echo', {}))['error'] === undefined) {
        await session.call('sleep', { milliseconds: 20 }).catch(() => {});
      }
    };
    await Promise.all([loggedOut(cid), loggedOut(dan)]);
    expect(await ann.call('echo', { text: 'stays' })).toBe('stays');
    const again = { userName: 'cid', password: 'cid-password' };
    expect((await cid.fail('auth', again)).code).toBe('auth_failed');
    await dan.call('auth', { userName: 'dan', password: 'another password' });
  });
});

describe('local key', () => {
  test('a wrong one is refused', async () => {
    const session = await lab.connect();
    const error = await session.fail('authToken', { token: `jsk.${'0'.repeat(64)}` });
    expect(error.code).toBe('auth_failed');
  });

  test('the file says how to know the server', () => {
    const text = readFileSync(join(lab.stateDir, 'local.key'), 'utf8');
    const content: unknown = JSON.parse(text);
    const fingerprint: unknown = expect.stringMatching(/^SHA256:[A-Za-z0-9+/]{43}$/);
    expect(content).toMatchObject({ apiPort: lab.port, fingerprint });
  });
});

describe('superuser', () => {
  test('only eligible users are elevated, for their own session', async () => {
    const ann = await lab.connectUser('ann');
    expect((await ann.fail('superuser')).code).toBe('permission_denied');
    const root2 = await lab.connectUser('root2');
    const second = await lab.connectUser('root2');
    await root2.call('superuser');
    expect((await root2.call('getServerInfo')).configuration).not.toBeNull();
    expect((await second.call('getServerInfo')).configuration).toBeNull();
    const local = await lab.connectLocal();
    await local.call('superuser');
  });

  test('elevation ends with the next login', async () => {
    const session = await lab.connectUser('root2');
    await session.call('superuser');
    await session.call('auth', { userName: 'ann', password: 'ann-password' });
    expect((await session.call('getServerInfo')).configuration).toBeNull();
  });
});

describe('tokens', () => {
  test('a token logs in as its creator, and its secret is shown once', async () => {
    const ann = await lab.connectUser('ann');
    const token = await ann.call('createAPIToken', { description: 'for a script' });
    expect(token).toMatchObject({ owner: 'ann', permissions: 31, passwordRequired: false });
    expect(token.token).toMatch(/^js1\./);
    const session = await lab.connect();
    await session.call('authToken', { token: token.token, tokenSession: 'shared' });
    const info = await session.call('getServerInfo');
    expect(info).toMatchObject({ userName: 'ann', tokenSession: 'shared' });
    const [listed] = await ann.call('getAPITokens');
    expect(listed?.token).not.toContain(token.token.split('.')[2]);
    expect(await ann.call('getAPIToken', { token: token.token })).toEqual(listed);
    expect(await ann.call('getAPIToken', { token })).toEqual(listed);
  });

  test('only the owner and elevated sessions see a token', async () => {
    const ann = await lab.connectUser('ann');
    const bob = await lab.connectUser('bob');
    const { token } = await ann.call('createAPIToken');
    expect(await bob.call('getAPITokens')).toEqual([]);
    expect((await bob.fail('getAPIToken', { token })).code).toBe('not_found');
    expect((await bob.fail('deleteAPIToken', { token })).code).toBe('not_found');
    const admin = await lab.connectUser('root2');
    await admin.call('superuser');
    expect((await admin.call('getAPIToken', { token })).owner).toBe('ann');
  });

  test('a deleted token is refused at once, in open sessions and over HTTP', async () => {
    const ann = await lab.connectUser('ann');
    const { token } = await ann.call('createAPIToken');
    const session = await lab.connect();
    await session.call('authToken', { token });
    expect(await lab.api('echo', { text: 'x' }, token)).toBe('x');
    await ann.call('deleteAPIToken', { token });
    expect((await session.fail('echo')).code).toBe('not_authenticated');
    const headers = { authorization: `Bearer ${token}` };
    expect((await lab.apiError('echo', {}, headers)).code).toBe('auth_failed');
    expect((await session.fail('authToken', { token })).code).toBe('auth_failed');
    expect((await ann.fail('deleteAPIToken', { token })).code).toBe('not_found');
  });

  test('a token can ask for a password of its own', async () => {
    const ann = await lab.connectUser('ann');
    const { token } = await ann.call('createAPIToken', { password: 'sesame' });
    const session = await lab.connect();
    expect((await session.fail('authToken', { token })).code).toBe('auth_failed');
    expect((await session.fail('authToken', { token, password: 'x' })).code).toBe('auth_failed');
    await session.call('authToken', { token, password: 'sesame' });
    const basic = Buffer.from(`${token}:sesame`).toString('base64');
    const answer = await lab.http('/api/echo', { headers: { authorization: `Basic ${basic}` } });
    expect(answer.status).toBe(200);
  });

  test('permissions narrow what a token may call; administration is never open', async () => {
    const local = await lab.connectLocal();
    const { token } = await local.call('createAPIToken', { permissions: 16 });
    const session = await lab.connect();
    await session.call('authToken', { token });
    await session.call('lsRootsAsync');
    expect((await session.fail('mkdirAsync', { path: '/x' })).code).toBe('permission_denied');
    for (const method of ['superuser', 'createAPIToken', 'getAPITokens']) {
      expect((await session.fail(method, {})).code).toBe('permission_denied');
    }
    const headers = { authorization: `Bearer ${token}`, 'x-jetstream-level': 'superuser' };
    expect((await lab.apiError('echo', {}, headers)).code).toBe('permission_denied');
  });

  test('the token of a locked or removed user is dead, also for a later user of the name', async () => {
    await lab.addUser('fay');
    const { token } = await (await lab.connectUser('fay')).call('createAPIToken');
    const session = await lab.connect();
    await users(({ users }) => users.setLocked('fay', true));
    expect((await session.fail('authToken', { token })).code).toBe('auth_failed');
    await users(({ users }) => users.setLocked('fay', false));
    await session.call('authToken', { token });
    await users(({ users }) => users.remove('fay'));
    await lab.addUser('fay');
    expect((await (await lab.connect()).fail('authToken', { token })).code).toBe('auth_failed');
  });
});

describe('token paths', () => {
  const base = join(lab.stateDir, 'files');
  const path = base.replace(/^\/tmp/, '');

  test('a token is confined to its directory; beside it nothing has a name', async () => {
    mkdirSync(join(base, 'shared', 'inner'), { recursive: true });
    mkdirSync(join(base, 'sibling'));
    writeFileSync(join(base, 'shared', 'inner', 'file'), 'x');
    const ann = await lab.connectUser('ann');
    const { token } = await ann.call('createAPIToken', { path: `${path}/shared/` });
    const session = await lab.connect();
    await session.call('authToken', { token });
    expect(await session.finish('lsAsync', { path: '/' })).toMatchObject({
      path: '/',
      files: [{ name: 'inner' }],
    });
    expect((await session.call('getServerInfo')).sandboxed).toBe(true);
    for (const outside of ['/../sibling', '..', '/inner/../../sibling']) {
      expect((await session.fail('lsAsync', { path: outside })).code).toBe('path_invalid');
    }
    const sibling = await session.finishFailing('lsAsync', { path: `${path}/sibling` });
    expect(sibling.code).toBe('path_not_found');
  });

  test('a path that does not exist, or is no directory, is refused', async () => {
    const ann = await lab.connectUser('ann');
    const missing = await ann.fail('createAPIToken', { path: `${path}/later` });
    expect(missing.code).toBe('path_not_found');
    const file = await ann.fail('createAPIToken', { path: `${path}/shared/inner/file` });
    expect(file.code).toBe('not_a_directory');
    expect((await ann.fail('createAPIToken', { path: '/../etc' })).code).toBe('path_invalid');
  });
});

test('API tokens can be switched off', async () => {
  const other = new ServerLab({ apiDisableApiTokens: true });
  await other.start();
  const session = await other.connectLocal();
  expect((await session.call('getServerInfo')).APITokensAvailable).toBe(false);
  expect((await session.fail('createAPIToken')).code).toBe('permission_denied');
  await other.dispose();
});
