import { expect, it } from 'vitest';
import { anyFailure, connect, failure, openSessions, target } from '../harness/sessions.js';

const sessions = openSessions();

it('logs a user in and returns null', async () => {
  const session = await sessions.fresh('nobody');
  await expect(session.call('auth', { ...target.user })).resolves.toBeNull();
  await expect(session.call('echo', { text: 'in' })).resolves.toBe('in');
  const info = await session.call('getServerInfo');
  expect(info).toMatchObject({ userName: target.user.userName, tokenSession: null });
});

it('raises on a wrong password and leaves the session logged out', async () => {
  const session = await sessions.fresh('nobody');
  const { userName } = target.user;
  const attempt = session.call('auth', { userName, password: 'wrong' });
  await expect(attempt).rejects.toMatchObject(failure('auth_failed'));
  await expect(session.call('echo')).rejects.toMatchObject(failure('not_authenticated'));
  await session.call('auth', { ...target.user });
});

it('raises on a user who does not exist, in the words of a wrong password', async () => {
  const session = await sessions.fresh('nobody');
  const messageOf = async (userName: string): Promise<string> =>
    session.call('auth', { userName, password: 'wrong' }).then(
      () => 'logged in',
      (error: Error) => error.message,
    );
  const unknown = await messageOf(`nobody-${performance.now()}`);
  expect(unknown).toBe(await messageOf(target.user.userName));
  await session.call('auth', { ...target.user });
});

it('must be called before any other method', async () => {
  const session = await connect();
  for (const method of ['echo', 'lsRootsAsync', 'getAPITokens', 'superuser', 'terminate']) {
    const call = expect(session.call(method), method);
    await call.rejects.toMatchObject(failure('not_authenticated'));
  }
  await expect(session.call('getServerInfo')).resolves.toMatchObject({ authRequired: true });
  await session.api.close();
});

it('requires both parameters', async () => {
  const session = await sessions.as('nobody');
  const { userName, password } = target.user;
  for (const params of [{}, { userName }, { password }, { userName, password: null }]) {
    await expect(session.call('auth', params)).rejects.toMatchObject(anyFailure);
  }
});
