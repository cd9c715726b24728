import { existsSync, symlinkSync } from 'node:fs';
import { expect, it } from 'vitest';
import { expectLoginNeeded, failure, openSessions, target } from '../harness/sessions.js';

const sessions = openSessions();

it('removes a file and returns null', async () => {
  const [user, path] = [await sessions.as('user'), await sessions.scratch()];
  await user.result('mkFileAsync', { path: `${path}/file`, size: 1 });
  expect(await user.result('rmAsync', { path: `${path}/file` })).toBeNull();
  expect(await user.result('lsAsync', { path })).toMatchObject({ files: [] });
});

it('removes a directory with all files and directories under it', async () => {
  const [user, path] = [await sessions.as('user'), await sessions.scratch()];
  await user.result('mkdirAsync', { path: `${path}/a/b/c` });
  await user.result('mkFileAsync', { path: `${path}/a/b/file`, size: 1 });
  await user.result('mkdirAsync', { path: `${path}/kept` });
  expect(await user.result('rmAsync', { path: `${path}/a` })).toBeNull();
  expect(await user.result('lsAsync', { path })).toMatchObject({ files: [{ name: 'kept' }] });
});

it.skipIf(!target.sharesDisk)('removes a symbolic link, never what it points to', async () => {
  const [user, path] = [await sessions.as('user'), await sessions.scratch()];
  await user.result('mkdirAsync', { path: `${path}/kept/inside` });
  await user.result('mkdirAsync', { path: `${path}/gone` });
  symlinkSync(`${path}/kept`, `${path}/gone/link`);
  symlinkSync(`${path}/kept`, `${path}/link`);
  await user.result('rmAsync', { path: `${path}/gone` });
  await user.result('rmAsync', { path: `${path}/link` });
  expect(existsSync(`${path}/kept/inside`)).toBe(true);
  expect(existsSync(`${path}/link`)).toBe(false);
});

it('raises when there is nothing at the path', async () => {
  const [user, path] = [await sessions.as('user'), await sessions.scratch()];
  const attempt = user.result('rmAsync', { path: `${path}/none` });
  await expect(attempt).rejects.toMatchObject(failure('path_not_found'));
});

it('needs a login and a path, and never removes a root', async () => {
  await expectLoginNeeded(sessions, 'rmAsync', { path: '/tmp/none' });
  const user = await sessions.as('user');
  await expect(user.call('rmAsync')).rejects.toMatchObject(failure('invalid_params'));
  const directory = await sessions.scratch();
  const { token } = await user.call<{ token: string }>('createAPIToken', { path: directory });
  const confined = await sessions.loginByToken(token);
  await confined.result('mkdirAsync', { path: '/kept' });
  await expect(confined.result('rmAsync', { path: '/' })).rejects.toThrow();
  expect(await confined.result('lsAsync', { path: '/' })).toMatchObject({
    files: [{ name: 'kept' }],
  });
});
