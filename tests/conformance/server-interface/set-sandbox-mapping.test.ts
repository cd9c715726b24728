import { afterEach, expect, it } from 'vitest';
import {
  expectSuperuserOnly,
  failure,
  openSessions,
  type Session,
  target,
} from '../harness/sessions.js';

const sessions = openSessions();
const { userName } = target.other;

interface Listing {
  readonly files: readonly { readonly name: string }[];
}

const set = async (name: string, sandboxRoots: unknown): Promise<unknown> => {
  const superuser = await sessions.as('superuser');
  return superuser.call('setSandboxMapping', { userName: name, sandboxRoots });
};
const namesIn = async (session: Session, path: string): Promise<string[]> =>
  (await session.result<Listing>('lsAsync', { path })).files.map(({ name }) => name).sort();
const rootNames = async (session: Session): Promise<string[]> =>
  (await session.result<Listing>('lsRootsAsync')).files.map(({ name }) => name).sort();

/** Two directories, `one` with `first` and `two` with `second`. */
const makeTrees = async (): Promise<string> => {
  const [user, scratch] = [await sessions.as('user'), await sessions.scratch()];
  await user.result('mkdirAsync', { path: `${scratch}/one/first` });
  await user.result('mkdirAsync', { path: `${scratch}/two/second` });
  return scratch;
};

afterEach(async () => {
  const superuser = await sessions.as('superuser');
  for (const name of [userName, '']) {
    await superuser.call('deleteSandboxMapping', { userName: name }).catch(() => {});
  }
});

it('maps sandbox names to roots, and returns null', async () => {
  const scratch = await makeTrees();
  expect(await set(userName, { films: `${scratch}/one`, music: `${scratch}/two` })).toBeNull();
  const session = await sessions.fresh('other');
  expect(await rootNames(session)).toEqual(['films', 'music']);
  expect(await session.call('getServerInfo')).toMatchObject({ sandboxed: true });
});

it('gives access to a root by its name, a colon and the path, and to nothing else', async () => {
  const scratch = await makeTrees();
  await set(userName, { films: `${scratch}/one`, music: `${scratch}/two` });
  const session = await sessions.fresh('other');
  expect(await namesIn(session, 'films:/')).toEqual(['first']);
  expect(await namesIn(session, 'music:/')).toEqual(['second']);
  await session.result('mkdirAsync', { path: 'films:/made' });
  expect(await namesIn(session, 'films:/')).toEqual(['first', 'made']);
  for (const path of [scratch, '/', 'films:/../two', 'books:/', 'films:../../two']) {
    await expect(session.result('lsAsync', { path }), path).rejects.toThrow();
  }
});

it('takes a blank sandbox name for a root of /', async () => {
  const scratch = await makeTrees();
  await set(userName, { '': `${scratch}/one` });
  const session = await sessions.fresh('other');
  expect(await namesIn(session, '/')).toEqual(['first']);
  await expect(session.result('lsAsync', { path: `${scratch}/two` })).rejects.toThrow();
});

it('takes effect for new sessions only', async () => {
  const scratch = await makeTrees();
  const before = await sessions.fresh('other');
  await set(userName, { '': `${scratch}/one` });
  expect(await namesIn(before, `${scratch}/two`)).toEqual(['second']);
  const after = await sessions.fresh('other');
  expect(await namesIn(after, '/')).toEqual(['first']);
});

it('takes a blank user name for the system sandbox, which other users inherit', async () => {
  const scratch = await makeTrees();
  await set('', { '': `${scratch}/one` });
  const session = await sessions.fresh('other');
  expect(await namesIn(session, '/')).toEqual(['first']);
});

it('prefers the mapping of the user to the system sandbox', async () => {
  const scratch = await makeTrees();
  await set('', { '': `${scratch}/one` });
  await set(userName, { '': `${scratch}/two` });
  const session = await sessions.fresh('other');
  expect(await namesIn(session, '/')).toEqual(['second']);
});

it('takes false for a user who is not sandboxed', async () => {
  const scratch = await makeTrees();
  await set('', { '': `${scratch}/one` });
  await set(userName, false);
  const session = await sessions.fresh('other');
  expect(await namesIn(session, `${scratch}/two`)).toEqual(['second']);
  expect(await session.call('getServerInfo')).toMatchObject({ sandboxed: false });
});

it('replaces placeholders in the system sandbox', async () => {
  const user = await sessions.as('user');
  const scratch = await sessions.scratch();
  await user.result('mkdirAsync', { path: `${scratch}/home 100%/${userName}/mine` });
  await set('', { home: `${scratch}/home 100%%/%u` });
  const session = await sessions.fresh('other');
  expect(await namesIn(session, 'home:/')).toEqual(['mine']);
});

it('takes a root as a structure of type File', async () => {
  const scratch = await makeTrees();
  await set(userName, { '': { type: 'File', path: `${scratch}/one` } });
  const session = await sessions.fresh('other');
  expect(await namesIn(session, '/')).toEqual(['first']);
});

it('raises when a sandbox path is empty', async () => {
  for (const roots of [{ a: '' }, { '': '' }, { a: { type: 'File', path: '' } }]) {
    await expect(set(userName, roots), JSON.stringify(roots)).rejects.toMatchObject(
      failure('path_invalid'),
    );
  }
});

it('raises when a sandbox name contains illegal characters', async () => {
  for (const name of ['a:b', 'a/b', 'a\nb', 'a\0b', '..', 'x'.repeat(65)]) {
    const attempt = expect(set(userName, { [name]: '/tmp' }), JSON.stringify(name));
    await attempt.rejects.toMatchObject(failure('invalid_params'));
  }
  const superuser = await sessions.as('superuser');
  expect(await superuser.call('getSandboxMappings')).not.toHaveProperty(userName);
});

it('is for superusers only', () =>
  expectSuperuserOnly(sessions, 'setSandboxMapping', { userName, sandboxRoots: false }));
