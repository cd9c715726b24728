import { expect, it } from 'vitest';
import { aString } from '../harness/matchers.js';
import { failure, openSessions, target } from '../harness/sessions.js';

const sessions = openSessions();

const makeToken = async (params = {}): Promise<string> => {
  const user = await sessions.as('user');
  return (await user.call<{ token: string }>('createAPIToken', params)).token;
};

it('logs a token in as the user who made it and returns null', async () => {
  const session = await sessions.fresh('nobody');
  const params = { token: await makeToken(), password: null, tokenSession: null };
  await expect(session.call('authToken', params)).resolves.toBeNull();
  await expect(session.call('getServerInfo')).resolves.toMatchObject({
    userName: target.user.userName,
    tokenSession: aString,
  });
});

it('raises on a token that was never made', async () => {
  const session = await sessions.as('nobody');
  const made = await makeToken();
  for (const token of ['js1.none.none', 'nonsense', `${made}x`, made.slice(0, -1)]) {
    const attempt = expect(session.call('authToken', { token }), token);
    await attempt.rejects.toMatchObject(failure('auth_failed'));
  }
});

it('raises without the password of the token, and on a wrong one', async () => {
  const token = await makeToken({ password: 'sesame' });
  const session = await sessions.fresh('nobody');
  for (const more of [{}, { password: null }, { password: 'wrong' }]) {
    const attempt = session.call('authToken', { token, ...more });
    await expect(attempt).rejects.toMatchObject(failure('auth_failed'));
  }
});

it('logs in with the password of the token', async () => {
  const token = await makeToken({ password: 'sesame' });
  const session = await sessions.fresh('nobody');
  await session.call('authToken', { token, password: 'sesame' });
  await expect(session.call('echo', { text: 'in' })).resolves.toBe('in');
});

it('shares requests between logins with the same tokenSession, and with no others', async () => {
  const token = await makeToken();
  const login = (tokenSession: string) => sessions.loginByToken(token, { tokenSession });
  const [first, second, third] = [await login('a'), await login('a'), await login('b')];
  const request = await first.call<{ requestId: number }>('lsRootsAsync');
  await expect(second.call('getRequestResult', request)).resolves.toMatchObject({ path: '' });
  await expect(third.call('getRequestResult', request)).rejects.toMatchObject(failure('not_found'));
});

it('generates a session when none is given, and shows it', async () => {
  const token = await makeToken();
  const sessionOf = async (): Promise<unknown> => {
    const session = await sessions.loginByToken(token);
    return (await session.call<{ tokenSession: unknown }>('getServerInfo')).tokenSession;
  };
  const first = await sessionOf();
  expect(first).toEqual(aString);
  expect(await sessionOf()).not.toBe(first);
});
