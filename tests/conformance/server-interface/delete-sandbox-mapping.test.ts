import { expect, it } from 'vitest';
import { expectSuperuserOnly, failure, openSessions, target } from '../harness/sessions.js';

const sessions = openSessions();
const { userName } = target.other;

it('deletes the mapping of a user and returns null', async () => {
  const superuser = await sessions.as('superuser');
  await superuser.call('setSandboxMapping', { userName, sandboxRoots: { '': target.directory } });
  expect(await superuser.call('deleteSandboxMapping', { userName })).toBeNull();
  expect(await superuser.call('getSandboxMappings')).not.toHaveProperty(userName);
});

it('takes effect for new sessions only', async () => {
  const superuser = await sessions.as('superuser');
  await superuser.call('setSandboxMapping', { userName, sandboxRoots: { '': target.directory } });
  const existing = await sessions.fresh('other');
  await superuser.call('deleteSandboxMapping', { userName });
  const outside = { path: target.directory, directory: true };
  await expect(existing.result('lsAsync', outside)).rejects.toThrow();
  const fresh = await sessions.fresh('other');
  expect(await fresh.result('lsAsync', outside)).toMatchObject({ files: [{ type: 2 }] });
});

it('takes a blank name for the system sandbox', async () => {
  const superuser = await sessions.as('superuser');
  const sandboxRoots = { '': target.directory };
  await superuser.call('setSandboxMapping', { userName: '', sandboxRoots });
  expect(await superuser.call('deleteSandboxMapping', { userName: '' })).toBeNull();
  const session = await sessions.fresh('other');
  expect(await session.call('getServerInfo')).toMatchObject({ sandboxed: false });
});

it('raises when there is no mapping for the user', async () => {
  const superuser = await sessions.as('superuser');
  for (const name of [userName, '', 'nobody-known']) {
    const attempt = superuser.call('deleteSandboxMapping', { userName: name });
    await expect(attempt, name).rejects.toMatchObject(failure('not_found'));
  }
});

it('is for superusers only', () =>
  expectSuperuserOnly(sessions, 'deleteSandboxMapping', { userName }));
