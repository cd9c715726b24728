import { expect, it } from 'vitest';
import { anyFailure, expectLoginNeeded, openSessions } from '../harness/sessions.js';

const sessions = openSessions();

interface Listing {
  readonly files: readonly { readonly name: string; readonly type: number }[];
}

it('creates a directory and returns null', async () => {
  const [user, path] = [await sessions.as('user'), await sessions.scratch()];
  expect(await user.result('mkdirAsync', { path: `${path}/new` })).toBeNull();
  const { files } = await user.result<Listing>('lsAsync', { path });
  expect(files).toMatchObject([{ name: 'new', type: 2 }]);
});

it('creates all parent directories', async () => {
  const [user, path] = [await sessions.as('user'), await sessions.scratch()];
  await user.result('mkdirAsync', { path: `${path}/a/b/c` });
  expect(await user.result('lsAsync', { path: `${path}/a/b` })).toMatchObject({
    files: [{ name: 'c' }],
  });
});

it('does not fail if the directory exists, and leaves its content alone', async () => {
  const [user, path] = [await sessions.as('user'), await sessions.scratch()];
  await user.result('mkdirAsync', { path: `${path}/a/b` });
  expect(await user.result('mkdirAsync', { path: `${path}/a` })).toBeNull();
  expect(await user.result('lsAsync', { path: `${path}/a` })).toMatchObject({
    files: [{ name: 'b' }],
  });
});

it('raises when something else has the name', async () => {
  const [user, path] = [await sessions.as('user'), await sessions.scratch()];
  await user.result('mkFileAsync', { path: `${path}/file`, size: 1 });
  for (const wrong of [`${path}/file`, `${path}/file/below`]) {
    const attempt = expect(user.result('mkdirAsync', { path: wrong }), wrong);
    await attempt.rejects.toMatchObject(anyFailure);
  }
});

it('needs a login and a path', async () => {
  await expectLoginNeeded(sessions, 'mkdirAsync', { path: '/tmp/none' });
  const user = await sessions.as('user');
  await expect(user.call('mkdirAsync')).rejects.toMatchObject(anyFailure);
  const path = '/tmp/a\0b';
  await expect(user.result('mkdirAsync', { path })).rejects.toMatchObject(anyFailure);
});
