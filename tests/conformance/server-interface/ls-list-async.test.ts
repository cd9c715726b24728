import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { anyFailure, expectLoginNeeded, failure, openSessions } from '../harness/sessions.js';

const sessions = openSessions();

interface Listing {
  readonly path: string;
  readonly files: readonly {
    readonly name: string;
    readonly type: number;
    readonly hash: string;
  }[];
}

const makeTree = async (): Promise<string> => {
  const [user, path] = [await sessions.as('user'), await sessions.scratch()];
  await user.result('mkdirAsync', { path: `${path}/b` });
  await user.result('mkFileAsync', { path: `${path}/file`, size: 3 });
  await user.result('mkdirAsync', { path: `${path}/b/inside` });
  return path;
};

const list = async (params: object): Promise<Listing[]> =>
  (await sessions.as('user')).result<Listing[]>('lsListAsync', { ...params });

it('maps the list of paths directly to a list of listings', async () => {
  const path = await makeTree();
  const pathList = [`${path}/b`, path, `${path}/file`, path];
  const listings = await list({ pathList });
  // A file is described as an entry of its directory, so that path and name join to the full path.
  expect(listings.map((listing) => listing.path)).toEqual([`${path}/b`, path, path, path]);
  expect(listings[0]?.files.map(({ name }) => name)).toEqual(['inside']);
  expect(listings[1]?.files.map(({ name }) => name).sort()).toEqual(['b', 'file']);
  expect(listings[2]?.files).toMatchObject([{ name: 'file', type: 4 }]);
  expect(listings[3]).toEqual(listings[1]);
});

it('describes entries with the documented keys, as lsAsync does', async () => {
  const path = await makeTree();
  const user = await sessions.as('user');
  expect(await list({ pathList: [path] })).toEqual([await user.result('lsAsync', { path })]);
});

it('describes directories themselves with statOnly', async () => {
  const path = await makeTree();
  const [directory, file] = await list({ pathList: [`${path}/b`, `${path}/file`], statOnly: true });
  expect(directory?.files).toMatchObject([{ type: 2, size: 0 }]);
  expect(file?.files).toMatchObject([{ type: 4, size: 3 }]);
});

it('calculates the hash of each file', async () => {
  const path = await makeTree();
  const [listing] = await list({ pathList: [path], calculateHashType: 'MD5' });
  const hash = createHash('md5').update(Buffer.alloc(3)).digest('hex');
  const hashes = listing?.files.map((file) => [file.type, file.hash]);
  expect(hashes).toEqual(
    expect.arrayContaining([
      [4, hash],
      [2, ''],
    ]),
  );
});

it('takes null for absent parameters, and an empty list', async () => {
  const path = await makeTree();
  const absent = await list({ pathList: [path] });
  const nulls = { statOnly: null, calculateHashType: null };
  expect(await list({ pathList: [path], ...nulls })).toEqual(absent);
  expect(await list({ pathList: [] })).toEqual([]);
});

it('raises when one of the paths cannot be listed', async () => {
  const path = await makeTree();
  const attempt = list({ pathList: [path, `${path}/none`] });
  await expect(attempt).rejects.toMatchObject(failure('path_not_found'));
});

it('needs a login and a list', async () => {
  await expectLoginNeeded(sessions, 'lsListAsync', { pathList: [] });
  await expect(list({})).rejects.toMatchObject(anyFailure);
  await expect(list({ pathList: '/' })).rejects.toMatchObject(failure('invalid_params'));
});
