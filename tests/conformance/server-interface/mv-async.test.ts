import { expect, it } from 'vitest';
import { anyFailure, expectLoginNeeded, failure, openSessions } from '../harness/sessions.js';

const sessions = openSessions();

const move = async (path: string, newPath: string): Promise<unknown> =>
  (await sessions.as('user')).result('mvAsync', { path, newPath });

const namesIn = async (path: string): Promise<string[]> => {
  const user = await sessions.as('user');
  const { files } = await user.result<{ files: { name: string }[] }>('lsAsync', { path });
  return files.map(({ name }) => name).sort();
};

const makeTree = async (): Promise<string> => {
  const [user, path] = [await sessions.as('user'), await sessions.scratch()];
  await user.result('mkdirAsync', { path: `${path}/a/inside` });
  await user.result('mkdirAsync', { path: `${path}/b` });
  await user.result('mkFileAsync', { path: `${path}/file`, size: 7 });
  return path;
};

it('renames a file and returns null', async () => {
  const path = await makeTree();
  expect(await move(`${path}/file`, `${path}/renamed`)).toBeNull();
  expect(await namesIn(path)).toEqual(['a', 'b', 'renamed']);
});

it('moves a directory with all that is in it', async () => {
  const path = await makeTree();
  expect(await move(`${path}/a`, `${path}/b/moved`)).toBeNull();
  expect(await namesIn(path)).toEqual(['b', 'file']);
  expect(await namesIn(`${path}/b/moved`)).toEqual(['inside']);
});

it('moves into a directory that exists', async () => {
  const path = await makeTree();
  await move(`${path}/file`, `${path}/b`);
  expect(await namesIn(`${path}/b`)).toEqual(['file']);
});

it('never replaces anything', async () => {
  const path = await makeTree();
  const user = await sessions.as('user');
  await user.result('mkFileAsync', { path: `${path}/other`, size: 9 });
  const attempt = move(`${path}/file`, `${path}/other`);
  await expect(attempt).rejects.toMatchObject(failure('already_exists'));
  expect(await user.result('duAsync', { path: `${path}/other` })).toEqual({ du: 9 });
  expect(await user.result('duAsync', { path: `${path}/file` })).toEqual({ du: 7 });
});

it('raises when there is nothing to move, or a directory would go into itself', async () => {
  const path = await makeTree();
  const none = move(`${path}/none`, `${path}/new`);
  await expect(none).rejects.toMatchObject(failure('path_not_found'));
  await expect(move(`${path}/a`, `${path}/a/inside/deeper`)).rejects.toMatchObject(anyFailure);
  expect(await namesIn(path)).toEqual(['a', 'b', 'file']);
});

it('needs a login and both paths', async () => {
  await expectLoginNeeded(sessions, 'mvAsync', { path: '/tmp/none', newPath: '/tmp/new' });
  const user = await sessions.as('user');
  const wrong = failure('invalid_params');
  await expect(user.call('mvAsync', { path: '/tmp/none' })).rejects.toMatchObject(wrong);
  await expect(user.call('mvAsync', { newPath: '/tmp/none' })).rejects.toMatchObject(wrong);
});
