import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { anyFailure, expectLoginNeeded, failure, openSessions } from '../harness/sessions.js';

const sessions = openSessions();

interface Entry {
  readonly size: number;
  readonly hash: string;
  readonly mtimeus: number;
}

const make = async (params: object): Promise<unknown> =>
  (await sessions.as('user')).result('mkFileAsync', { ...params });

const stat = async (path: string): Promise<Entry | undefined> => {
  const user = await sessions.as('user');
  const params = { path, calculateHashType: 'MD5' };
  return (await user.result<{ files: Entry[] }>('lsAsync', params)).files[0];
};
const md5OfZeros = (size: number): string =>
  createHash('md5').update(Buffer.alloc(size)).digest('hex');

it('creates a file of the size and returns null', async () => {
  const path = await sessions.scratch();
  for (const size of [0, 1, 100_000]) {
    expect(await make({ path: `${path}/${size}`, size })).toBeNull();
    expect(await stat(`${path}/${size}`)).toMatchObject({ size, hash: md5OfZeros(size) });
  }
});

it('fills the file with random values with fillRandom', async () => {
  const path = await sessions.scratch();
  const size = 3_000_001;
  await make({ path: `${path}/one`, size, fillRandom: true });
  await make({ path: `${path}/two`, size, fillRandom: true });
  const [one, two] = [await stat(`${path}/one`), await stat(`${path}/two`)];
  expect(one).toMatchObject({ size });
  expect(one?.hash).not.toBe(md5OfZeros(size));
  expect(one?.hash).not.toBe(two?.hash);
});

it('returns success and changes nothing when the file exists', async () => {
  const path = `${await sessions.scratch()}/file`;
  await make({ path, size: 10, fillRandom: true });
  const before = await stat(path);
  expect(await make({ path, size: 99 })).toBeNull();
  expect(await make({ path, size: 99, modifyExisting: false })).toBeNull();
  expect(await stat(path)).toEqual(before);
});

it('replaces an existing file with modifyExisting', async () => {
  const path = `${await sessions.scratch()}/file`;
  await make({ path, size: 10, fillRandom: true });
  expect(await make({ path, size: 99, modifyExisting: true })).toBeNull();
  expect(await stat(path)).toMatchObject({ size: 99, hash: md5OfZeros(99) });
});

it('takes null for absent parameters', async () => {
  const path = `${await sessions.scratch()}/file`;
  await make({ path, size: 10, fillRandom: null, modifyExisting: null });
  expect(await stat(path)).toMatchObject({ size: 10, hash: md5OfZeros(10) });
  await make({ path, size: 11, modifyExisting: null });
  expect(await stat(path)).toMatchObject({ size: 10 });
});

it('raises where no file can be, and changes nothing', async () => {
  const [user, path] = [await sessions.as('user'), await sessions.scratch()];
  await user.result('mkdirAsync', { path: `${path}/directory/inside` });
  const params = { path: `${path}/directory`, size: 1, modifyExisting: true };
  await expect(make(params)).rejects.toMatchObject(anyFailure);
  await expect(make({ path: `${path}/none/file`, size: 1 })).rejects.toMatchObject(anyFailure);
  expect(await user.result('lsAsync', { path })).toMatchObject({ files: [{ name: 'directory' }] });
});

it('raises when it is cancelled, and leaves what was there', async () => {
  const [user, path] = [await sessions.as('user'), await sessions.scratch()];
  await make({ path: `${path}/old`, size: 10 });
  for (const name of ['old', 'new']) {
    // Random values for this much take seconds, so it is under way when the next call comes.
    const params = { path: `${path}/${name}`, size: 4e9, fillRandom: true, modifyExisting: true };
    const { requestId } = await user.call<{ requestId: number }>('mkFileAsync', params);
    await user.call('cancelRequest', { requestId });
    const result = user.call('getRequestResult', { requestId });
    await expect(result).rejects.toMatchObject(failure('cancelled'));
  }
  expect(await user.result('lsAsync', { path })).toMatchObject({
    files: [{ name: 'old', size: 10 }],
  });
});

it('needs a login, a path and a size that is not negative', async () => {
  await expectLoginNeeded(sessions, 'mkFileAsync', { path: '/tmp/none', size: 1 });
  const wrong = failure('invalid_params');
  for (const params of [{ path: '/tmp/x' }, { size: 1 }, { path: '/tmp/x', size: -1 }]) {
    await expect(make(params)).rejects.toMatchObject(wrong);
  }
  await expect(make({ path: '/tmp/x', size: 1.5 })).rejects.toMatchObject(wrong);
});
