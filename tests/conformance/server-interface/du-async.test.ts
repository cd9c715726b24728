import { symlinkSync } from 'node:fs';
import { expect, it } from 'vitest';
import { expectLoginNeeded, failure, openSessions, target } from '../harness/sessions.js';

const sessions = openSessions();

it('returns the total size in bytes of all files under the path, under the key du', async () => {
  const [user, path] = [await sessions.as('user'), await sessions.scratch()];
  await user.result('mkdirAsync', { path: `${path}/a/b` });
  await user.result('mkFileAsync', { path: `${path}/a/one`, size: 1000 });
  await user.result('mkFileAsync', { path: `${path}/a/b/two`, size: 23 });
  await user.result('mkFileAsync', { path: `${path}/zero`, size: 0 });
  expect(await user.result('duAsync', { path })).toEqual({ du: 1023 });
  expect(await user.result('duAsync', { path: `${path}/a/b` })).toEqual({ du: 23 });
  expect(await user.result('duAsync', { path: `${path}/a/one` })).toEqual({ du: 1000 });
});

it('is zero for an empty directory', async () => {
  const [user, path] = [await sessions.as('user'), await sessions.scratch()];
  expect(await user.result('duAsync', { path })).toEqual({ du: 0 });
});

it.skipIf(!target.sharesDisk)(
  'counts nothing for symbolic links and never follows one',
  async () => {
    const [user, path] = [await sessions.as('user'), await sessions.scratch()];
    await user.result('mkdirAsync', { path: `${path}/inside` });
    await user.result('mkFileAsync', { path: `${path}/large`, size: 5000 });
    symlinkSync(path, `${path}/inside/loop`);
    symlinkSync(`${path}/large`, `${path}/inside/link`);
    expect(await user.result('duAsync', { path: `${path}/inside` })).toEqual({ du: 0 });
    expect(await user.result('duAsync', { path })).toEqual({ du: 5000 });
  },
);

it('raises when there is nothing at the path', async () => {
  const [user, path] = [await sessions.as('user'), await sessions.scratch()];
  const attempt = user.result('duAsync', { path: `${path}/none` });
  await expect(attempt).rejects.toMatchObject(failure('path_not_found'));
});

it('needs a login and a path', async () => {
  await expectLoginNeeded(sessions, 'duAsync', { path: '/' });
  const user = await sessions.as('user');
  await expect(user.call('duAsync')).rejects.toMatchObject(failure('invalid_params'));
});
