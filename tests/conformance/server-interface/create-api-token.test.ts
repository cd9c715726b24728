import { expect, it } from 'vitest';
import { aNumber, aString } from '../harness/matchers.js';
import {
  expectLoginNeeded,
  failure,
  openSessions,
  type Parameters,
  target,
} from '../harness/sessions.js';

const sessions = openSessions();

interface Token {
  readonly token: string;
  readonly creationTime: number;
  readonly expiryTime: number | null;
}

const create = async (params: Parameters = {}): Promise<Token> =>
  (await sessions.as('user')).call<Token>('createAPIToken', params);

it('returns a token structure with the documented keys', async () => {
  const description = 'for the backup';
  const token = await create({ description, password: 'sesame', permissions: 17 });
  expect(token).toMatchObject({
    token: aString,
    description,
    creationTime: aNumber,
    expiryTime: null,
    owner: target.user.userName,
    ownerToken: null,
    ownerTokenSession: null,
    passwordRequired: true,
    permissions: 17,
    path: null,
    userData: {},
  });
});

it('takes no parameters at all, or null for each', async () => {
  const names = ['path', 'password', 'timeLimitSeconds', 'description', 'permissions'];
  const absent = await create();
  const nulls = await create(Object.fromEntries(names.map((name) => [name, null])));
  const facts = ({ token: _token, creationTime: _time, ...rest }: Token) => rest;
  expect(facts(nulls)).toEqual(facts(absent));
  expect(facts(absent)).toMatchObject({ passwordRequired: false, path: null, expiryTime: null });
});

it('logs clients in who impersonate the user that made it', async () => {
  const session = await sessions.loginByToken((await create()).token);
  const { userName } = target.user;
  await expect(session.call('getServerInfo')).resolves.toMatchObject({ userName });
});

it('gives access to the path only', async () => {
  const user = await sessions.as('user');
  const scratch = await sessions.scratch();
  await user.result('mkdirAsync', { path: `${scratch}/shared/inside` });
  await user.result('mkdirAsync', { path: `${scratch}/secret` });
  const { token } = await create({ path: `${scratch}/shared` });
  const session = await sessions.loginByToken(token);

  const { files } = await session.result<{ files: { name: string }[] }>('lsAsync', { path: '/' });
  expect(files.map(({ name }) => name)).toEqual(['inside']);
  for (const path of [`${scratch}/secret`, '/../secret', '/inside/../../secret']) {
    await expect(session.result('lsAsync', { path }), path).rejects.toThrow();
  }
  await expect(session.result('mkdirAsync', { path: '/../stray' })).rejects.toThrow();
  const outside = await user.result<{ files: { name: string }[] }>('lsAsync', { path: scratch });
  expect(outside.files.map(({ name }) => name).sort()).toEqual(['secret', 'shared']);
});

it('gives access to everything of the user without a path', async () => {
  const scratch = await sessions.scratch();
  const session = await sessions.loginByToken((await create()).token);
  await session.result('mkdirAsync', { path: `${scratch}/made` });
  await expect(session.result('lsAsync', { path: scratch })).resolves.toMatchObject({
    files: [{ name: 'made' }],
  });
});

it('restricts a login to the permissions', async () => {
  const scratch = await sessions.scratch();
  const list = await sessions.loginByToken((await create({ permissions: 16 })).token);
  await list.result('lsAsync', { path: scratch });
  const denied = failure('permission_denied');
  await expect(list.result('mkdirAsync', { path: `${scratch}/x` })).rejects.toMatchObject(denied);
  const modify = await sessions.loginByToken((await create({ permissions: 4 })).token);
  await modify.result('mkdirAsync', { path: `${scratch}/x` });
  await expect(modify.result('lsAsync', { path: scratch })).rejects.toMatchObject(denied);
});

it('limits the life of the token to timeLimitSeconds', async () => {
  const user = await sessions.as('user');
  const { token, creationTime, expiryTime } = await create({ timeLimitSeconds: 1 });
  expect(expiryTime).toBe(creationTime + 1_000_000);
  const session = await sessions.loginByToken(token);
  await user.call('sleep', { milliseconds: 1100 });
  await expect(sessions.loginByToken(token)).rejects.toMatchObject(failure('auth_failed'));
  await expect(session.call('echo')).rejects.toMatchObject(failure('not_authenticated'));
});

it('refuses impossible limits and permissions, and a path that is not there', async () => {
  const scratch = await sessions.scratch();
  const wrong = failure('invalid_params');
  await expect(create({ timeLimitSeconds: 0 })).rejects.toMatchObject(wrong);
  await expect(create({ timeLimitSeconds: -1 })).rejects.toMatchObject(wrong);
  await expect(create({ permissions: 32 })).rejects.toMatchObject(wrong);
  await expect(create({ path: `${scratch}/none` })).rejects.toMatchObject(
    failure('path_not_found'),
  );
});

it('is not open to tokens', async () => {
  await expectLoginNeeded(sessions, 'createAPIToken');
  const token = await sessions.as('token');
  await expect(token.call('createAPIToken')).rejects.toMatchObject(failure('permission_denied'));
});
