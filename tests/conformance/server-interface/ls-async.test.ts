import { createHash } from 'node:crypto';
import { symlinkSync } from 'node:fs';
import { expect, it } from 'vitest';
import {
  expectLoginNeeded,
  failure,
  openSessions,
  type Parameters,
  target,
} from '../harness/sessions.js';

const sessions = openSessions();

interface Entry {
  readonly name: string;
  readonly type: number;
  readonly size: number;
  readonly mtime: number;
  readonly mtimeus: number;
  readonly access: number;
  readonly hash: string;
}
interface Listing {
  readonly path: string;
  readonly files: readonly Entry[];
}

const PART_BYTES = 8 * 1024 * 1024;
const md5 = (bytes: Uint8Array): Buffer => createHash('md5').update(bytes).digest();

const list = async (params: Parameters): Promise<Listing> =>
  (await sessions.as('user')).result<Listing>('lsAsync', params);

/** A directory with a file of five zero bytes and an empty directory. */
const makeTree = async (): Promise<string> => {
  const [user, scratch] = [await sessions.as('user'), await sessions.scratch()];
  await user.result('mkFileAsync', { path: `${scratch}/five`, size: 5 });
  await user.result('mkdirAsync', { path: `${scratch}/inside` });
  return scratch;
};

const named = ({ files }: Listing, name: string): Entry => {
  const entry = files.find((file) => file.name === name);
  if (entry === undefined) throw new Error(`"${name}" is not listed`);
  return entry;
};

it('returns the path and the entries with the documented keys', async () => {
  const beforeUs = Date.now() * 1000;
  const path = await makeTree();
  const listing = await list({ path });
  expect(Object.keys(listing).sort()).toEqual(['files', 'path']);
  expect(listing.path).toBe(path);
  expect(listing.files.map(({ name }) => name).sort()).toEqual(['five', 'inside']);
  const file = named(listing, 'five');
  expect(file).toMatchObject({ type: 4, size: 5, hash: '' });
  expect(named(listing, 'inside')).toMatchObject({ type: 2, size: 0, hash: '' });
  // A minute of slack for a server whose clock is another one.
  expect(file.mtimeus).toBeGreaterThan(beforeUs - 60_000_000);
  expect(file.mtimeus).toBeLessThan(beforeUs + 60_000_000);
  expect(Math.floor(file.mtime)).toBe(Math.floor(file.mtimeus / 1_000_000));
});

it('shows by access what the current user may do', async () => {
  const listing = await list({ path: await makeTree() });
  expect(named(listing, 'five').access & 6).toBe(6);
  expect(named(listing, 'inside').access).toBe(7);
});

it.skipIf(!target.sharesDisk)('lists a symbolic link as type 5 with size 0', async () => {
  const path = await makeTree();
  symlinkSync('five', `${path}/link`);
  symlinkSync('nowhere', `${path}/broken`);
  const listing = await list({ path });
  expect(named(listing, 'link')).toMatchObject({ type: 5, size: 0 });
  expect(named(listing, 'broken')).toMatchObject({ type: 5, size: 0 });
});

it('describes the directory itself with directory', async () => {
  const path = await makeTree();
  const { files } = await list({ path: `${path}/inside`, directory: true });
  expect(files).toHaveLength(1);
  expect(files[0]).toMatchObject({ type: 2, size: 0 });
  expect(files[0]?.name).toMatch(/inside$/);
});

it('takes null for absent parameters, and false for directory', async () => {
  const path = await makeTree();
  const absent = await list({ path });
  expect(await list({ path, directory: null, calculateHashType: null })).toEqual(absent);
  expect(await list({ path, directory: false })).toEqual(absent);
});

it('describes the one file when the path is a file', async () => {
  const path = await makeTree();
  const { files } = await list({ path: `${path}/five` });
  expect(files).toMatchObject([{ type: 4, size: 5 }]);
});

it('calculates MD5 of each file as lower-case hex', async () => {
  const path = await makeTree();
  const listing = await list({ path, calculateHashType: 'MD5' });
  expect(named(listing, 'five').hash).toBe(md5(Buffer.alloc(5)).toString('hex'));
  expect(named(listing, 'inside').hash).toBe('');
});

it('calculates S3 as the tag of a multipart upload with parts of 8 MiB', async () => {
  const [user, path] = [await sessions.as('user'), await makeTree()];
  await user.result('mkFileAsync', { path: `${path}/large`, size: PART_BYTES + 1 });
  const listing = await list({ path, calculateHashType: 'S3' });
  const parts = [md5(Buffer.alloc(PART_BYTES)), md5(Buffer.alloc(1))];
  expect(named(listing, 'large').hash).toBe(`${md5(Buffer.concat(parts)).toString('hex')}-2`);
  expect(named(listing, 'five').hash).toBe(md5(Buffer.alloc(5)).toString('hex'));
});

it('refuses an unknown hash type and a path that is not there', async () => {
  const path = await makeTree();
  await expect(list({ path, calculateHashType: 'CRC' })).rejects.toMatchObject(
    failure('invalid_params'),
  );
  await expect(list({ path: `${path}/none` })).rejects.toMatchObject(failure('path_not_found'));
  await expect(list({})).rejects.toMatchObject(failure('invalid_params'));
  await expectLoginNeeded(sessions, 'lsAsync', { path });
});
