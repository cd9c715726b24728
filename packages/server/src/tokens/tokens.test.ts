import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ManualClock } from '../adapters/clock/manual-clock.js';
import { type LabSocket, ServerLab } from '../server-lab.conformance.js';

const clock = new ManualClock();
const lab = new ServerLab({}, clock);
const disk = mkdtempSync(join(tmpdir(), 'tokens-'));
let ann: LabSocket;

const login = async (token: string, tokenSession?: string): Promise<LabSocket> => {
  const session = await lab.connect();
  await session.call('authToken', {
    token,
    ...(tokenSession === undefined ? {} : { tokenSession }),
  });
  return session;
};
const idsOf = async (session: LabSocket, limit?: number): Promise<string[]> =>
  (await session.call('getAPITokens', limit === undefined ? {} : { limit })).map(
    ({ token }) => token,
  );
const HOURS_MS = 3_600_000;
/** Lets time pass in steps, so that connections answer the pings of the server meanwhile. */
const pass = async (milliseconds: number): Promise<void> => {
  for (let left = milliseconds; left > 0; left -= 10_000) {
    clock.advance(Math.min(left, 10_000));
    await ann.call('echo');
  }
};

beforeAll(async () => {
  await lab.start();
  for (const name of ['ann', 'bob']) await lab.addUser(name);
  mkdirSync(join(disk, 'shared', 'inner'), { recursive: true });
  mkdirSync(join(disk, 'sibling'));
  writeFileSync(join(disk, 'shared', 'file'), 'x');
  ann = await lab.connectUser('ann');
}, 30_000);
afterAll(async () => {
  await lab.dispose();
  rmSync(disk, { recursive: true });
});

describe('createAPIToken', () => {
  test('keeps what it was given, and shows the secret once', async () => {
    const made = await ann.call('createAPIToken', {
      path: disk,
      password: 'sesame',
      timeLimitSeconds: 60,
      description: 'for a script',
      permissions: 17,
    });
    expect(made).toMatchObject({
      description: 'for a script',
      passwordRequired: true,
      permissions: 17,
      path: disk,
      owner: 'ann',
      ownerToken: null,
    });
    expect(made.expiryTime).toBe(made.creationTime + 60_000_000);
    expect(JSON.stringify(await ann.call('getAPIToken', { token: made.token }))).not.toContain(
      made.token,
    );
    await ann.call('deleteAPIToken', { token: made });
  });

  test('without a time limit it never expires', async () => {
    const { token, expiryTime } = await ann.call('createAPIToken');
    expect(expiryTime).toBeNull();
    await ann.call('deleteAPIToken', { token });
  });

  test.each([
    [{ permissions: 32 }, 'invalid_params'],
    [{ permissions: -1 }, 'invalid_params'],
    [{ timeLimitSeconds: 0 }, 'invalid_params'],
    [{ timeLimitSeconds: 'x' }, 'invalid_params'],
    [{ password: '' }, 'invalid_params'],
    [{ description: 'x'.repeat(1025) }, 'invalid_params'],
    [{ path: '/a/../b' }, 'path_invalid'],
    [{ path: 'nothing:/here' }, 'path_not_found'],
  ])('refuses %j', async (params, code) => {
    expect((await ann.fail('createAPIToken', params)).code).toBe(code);
    expect(await idsOf(ann)).toEqual([]);
  });
});

describe('expiry', () => {
  test('an expired token is refused at once, and has disappeared two hours later', async () => {
    const { token } = await ann.call('createAPIToken', { timeLimitSeconds: 100 });
    const session = await login(token);
    expect(await lab.api('echo', { text: 'x' }, token)).toBe('x');
    await pass(99_000);
    expect(await session.call('echo', { text: 'x' })).toBe('x');
    clock.advance(1_000);
    expect((await session.fail('echo')).code).toBe('not_authenticated');
    expect((await (await lab.connect()).fail('authToken', { token })).code).toBe('auth_failed');
    const headers = { authorization: `Bearer ${token}` };
    expect((await lab.apiError('echo', {}, headers)).code).toBe('auth_failed');
    expect(await idsOf(ann)).toHaveLength(1);
    // Nobody answers pings meanwhile, so the sessions end.
    clock.advance(2 * HOURS_MS);
    ann = await lab.connectUser('ann');
    while ((await idsOf(ann)).length > 0) await ann.call('echo');
    expect((await ann.fail('getAPIToken', { token })).code).toBe('not_found');
    expect((await ann.fail('updateAPIToken', { token, description: 'x' })).code).toBe('not_found');
  });
});

describe('updateAPIToken', () => {
  test('changes what is given and nothing else, from now on', async () => {
    const made = await ann.call('createAPIToken', { timeLimitSeconds: 100, description: 'old' });
    const session = await login(made.token);
    expect(await ann.call('updateAPIToken', { token: made, description: 'new' })).toBeNull();
    const renamed = await ann.call('getAPIToken', { token: made.token });
    expect(renamed).toMatchObject({ description: 'new', expiryTime: made.expiryTime });
    await ann.call('updateAPIToken', { token: renamed, description: null, timeLimitSeconds: 500 });
    await pass(300_000);
    expect(await session.call('echo', { text: 'x' })).toBe('x');
    expect((await ann.call('getAPIToken', { token: renamed })).description).toBe('new');
    await ann.call('updateAPIToken', { token: renamed, timeLimitSeconds: 1 });
    expect(await lab.api('echo', { text: 'x' }, made.token)).toBe('x');
    clock.advance(1_000);
    expect((await session.fail('echo')).code).toBe('not_authenticated');
    const headers = { authorization: `Bearer ${made.token}` };
    expect((await lab.apiError('echo', {}, headers)).code).toBe('auth_failed');
    await ann.call('deleteAPIToken', { token: renamed });
  });

  test('is for the owner and elevated sessions', async () => {
    const { token } = await ann.call('createAPIToken', { description: 'mine' });
    const bob = await lab.connectUser('bob');
    expect((await bob.fail('updateAPIToken', { token, description: 'x' })).code).toBe('not_found');
    const admin = await lab.connectLocal();
    await admin.call('superuser');
    await admin.call('updateAPIToken', { token, description: 'theirs' });
    expect((await ann.call('getAPIToken', { token })).description).toBe('theirs');
    for (const wrong of [{}, { token, timeLimitSeconds: -1 }, { token, description: 7 }]) {
      expect((await ann.fail('updateAPIToken', wrong)).code).toBe('invalid_params');
    }
    await ann.call('deleteAPIToken', { token });
  });
});

describe('getAPITokens', () => {
  test('the oldest first, as many as asked for', async () => {
    const made: string[] = [];
    for (let count = 0; count < 3; count += 1) {
      const { token } = await ann.call('createAPIToken');
      made.push(token.split('.')[1] ?? '');
      clock.advance(1);
    }
    expect(await idsOf(ann)).toEqual(made);
    expect(await idsOf(ann, 2)).toEqual(made.slice(0, 2));
    expect((await ann.fail('getAPITokens', { limit: 0 })).code).toBe('invalid_params');
    for (const token of made) await ann.call('deleteAPIToken', { token });
  });
});

describe('token sessions', () => {
  test('logins that share one see each other’s requests, others do not', async () => {
    const { token } = await ann.call('createAPIToken');
    const { token: otherToken } = await ann.call('createAPIToken');
    const first = await login(token, 'shared');
    const second = await login(token, 'shared');
    const strangers = [
      await login(token, 'another'),
      await login(token),
      await login(otherToken, 'shared'),
    ];
    expect((await second.call('getServerInfo')).tokenSession).toBe('shared');
    const { requestId } = await first.call('lsRootsAsync');
    expect(await second.call('getRequestResult', { requestId })).toMatchObject({ path: '' });
    for (const stranger of strangers) {
      expect((await stranger.fail('getRequestStatus', { requestId })).code).toBe('not_found');
      expect((await stranger.fail('cancelRequest', { requestId })).code).toBe('not_found');
    }
    // The owner sees what the token did, the token not what the owner did.
    expect(await ann.call('getRequestResult', { requestId })).toMatchObject({ path: '' });
    const own = await ann.call('lsRootsAsync');
    expect((await first.fail('getRequestStatus', own)).code).toBe('not_found');
    const generated = await Promise.all(
      [token, token].map(
        async (text) => (await (await login(text)).call('getServerInfo')).tokenSession,
      ),
    );
    expect(new Set(generated).size).toBe(2);
    await ann.call('deleteAPIToken', { token });
    await ann.call('deleteAPIToken', { token: otherToken });
  });
});

describe('deleteAPIToken', () => {
  test('ends open sessions at once, over the WebSocket they were made on', async () => {
    const { token } = await ann.call('createAPIToken');
    const sessions = [await login(token, 'a'), await login(token, 'b')];
    for (const session of sessions) await session.call('subscribe', { topics: ['requests'] });
    await ann.call('deleteAPIToken', { token });
    for (const session of sessions) {
      expect((await session.fail('lsRootsAsync')).code).toBe('not_authenticated');
      expect((await session.fail('send.getTransfers')).code).toBe('not_authenticated');
    }
    expect(await idsOf(ann)).toEqual([]);
    expect((await ann.fail('getAPIToken', { token })).code).toBe('not_found');
    expect((await ann.fail('updateAPIToken', { token })).code).toBe('not_found');
    expect((await ann.fail('deleteAPIToken', { token })).code).toBe('not_found');
  });
});

describe('attack 3 (GHSA-mr74-928f-rw69): a token reaches nothing beside its path', () => {
  test('siblings and the parent have no name', async () => {
    const { token } = await ann.call('createAPIToken', { path: join(disk, 'shared') });
    const session = await login(token);
    const listing = await session.finish('lsAsync', { path: '/' });
    expect(listing).toMatchObject({ path: '/', files: [{}, {}] });
    for (const path of ['..', '/..', '/../sibling', '/inner/../../sibling', 'inner/..']) {
      for (const method of ['lsAsync', 'mkdirAsync', 'rmAsync', 'duAsync']) {
        expect((await session.fail(method, { path })).code, path).toBe('path_invalid');
      }
    }
    for (const path of [`${disk}/sibling`, 'sibling', '/sibling']) {
      expect((await session.finishFailing('lsAsync', { path })).code).toBe('path_not_found');
    }
    await ann.call('deleteAPIToken', { token });
  });
});

describe('attack 5 (GHSA-3q2p-72cj-682c): a token for a path that is not there', () => {
  test('is refused, and one whose directory is gone reaches nothing', async () => {
    expect((await ann.fail('createAPIToken', { path: `${disk}/later` })).code).toBe(
      'path_not_found',
    );
    mkdirSync(join(disk, 'later'));
    const { token } = await ann.call('createAPIToken', { path: `${disk}/later` });
    const session = await login(token);
    rmSync(join(disk, 'later'), { recursive: true });
    expect((await session.finishFailing('lsAsync', { path: '/' })).code).toBe('path_not_found');
    expect((await (await lab.connect()).fail('authToken', { token })).code).toBe('auth_failed');
    await ann.call('deleteAPIToken', { token });
  });

  test('a link at its path leads where it led, inside the roots of the owner', async () => {
    const admin = await lab.connectLocal();
    await admin.call('superuser');
    const root = join(disk, 'shared');
    symlinkSync(join(disk, 'sibling'), join(root, 'out'));
    await admin.call('setSandboxMapping', { userName: 'bob', sandboxRoots: { '': root } });
    const bob = await lab.connectUser('bob');
    expect((await bob.fail('createAPIToken', { path: '/out' })).code).toBe('path_invalid');
    const { token } = await bob.call('createAPIToken', { path: '/inner' });
    rmSync(join(root, 'inner'), { recursive: true });
    symlinkSync(join(disk, 'sibling'), join(root, 'inner'));
    expect((await (await lab.connect()).fail('authToken', { token })).code).toBe('auth_failed');
    rmSync(join(root, 'inner'));
    mkdirSync(join(root, 'inner'));
  });
});

describe('attack 7 (GHSA-pp88-jhwj-5qh5): /a and /a/ are one path', () => {
  test('for a token, whichever way it is written', async () => {
    const forms = [`${disk}/shared`, `${disk}/shared/`, `/${disk}//./shared/.`];
    for (const path of forms) {
      const made = await ann.call('createAPIToken', { path });
      expect(made.path).toBe(join(disk, 'shared'));
      const session = await login(made.token);
      for (const inner of ['/inner', '/inner/', '//inner/.']) {
        expect(await session.finish('lsAsync', { path: inner })).toMatchObject({ path: '/inner' });
      }
      await ann.call('deleteAPIToken', { token: made });
    }
  });

  test('a directory that is deleted by its other name is gone for its token too', async () => {
    mkdirSync(join(disk, 'gone'));
    const { token } = await ann.call('createAPIToken', { path: `${disk}/gone` });
    const session = await login(token);
    await ann.finish('rmAsync', { path: `${disk}/gone/` });
    expect((await session.finishFailing('lsAsync', { path: '/' })).code).toBe('path_not_found');
    expect((await (await lab.connect()).fail('authToken', { token })).code).toBe('auth_failed');
    await ann.call('deleteAPIToken', { token });
  });
});
