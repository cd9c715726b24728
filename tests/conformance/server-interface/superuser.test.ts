import { expect, it } from 'vitest';
import { anObject } from '../harness/matchers.js';
import { expectLoginNeeded, failure, openSessions, target } from '../harness/sessions.js';

const sessions = openSessions();

it('elevates a session with eligible credentials and returns null', async () => {
  const session = await sessions.login(target.superuser);
  const denied = failure('permission_denied');
  await expect(session.call('getSandboxMappings')).rejects.toMatchObject(denied);
  expect(await session.call('superuser')).toBeNull();
  expect(await session.call('getSandboxMappings')).toEqual(anObject);
  expect(await session.call('superuser')).toBeNull();
});

it('raises for a user who is not eligible', async () => {
  const session = await sessions.fresh('user');
  const denied = failure('permission_denied');
  await expect(session.call('superuser')).rejects.toMatchObject(denied);
  await expect(session.call('getSandboxMappings')).rejects.toMatchObject(denied);
});

it('raises before a login, and for a token of an eligible user', async () => {
  await expectLoginNeeded(sessions, 'superuser');
  const boss = await sessions.login(target.superuser);
  const { token } = await boss.call<{ token: string }>('createAPIToken');
  const session = await sessions.loginByToken(token);
  await expect(session.call('superuser')).rejects.toMatchObject(failure('permission_denied'));
});

it('elevates this session only', async () => {
  const [first, second] = [
    await sessions.login(target.superuser),
    await sessions.login(target.superuser),
  ];
  await first.call('superuser');
  const attempt = second.call('getSandboxMappings');
  await expect(attempt).rejects.toMatchObject(failure('permission_denied'));
});

it('makes a wrangler too: all data can be seen and changed', async () => {
  const user = await sessions.as('user');
  const { token } = await user.call<{ token: string }>('createAPIToken');
  const superuser = await sessions.as('superuser');
  await superuser.call('getAPIToken', { token });
  await superuser.call('deleteAPIToken', { token });
  await expect(user.call('getAPIToken', { token })).rejects.toMatchObject(failure('not_found'));
});
