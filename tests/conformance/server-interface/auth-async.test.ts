import { expect, it } from 'vitest';
import { aNumber, textLike } from '../harness/matchers.js';
import { failure, openSessions, target } from '../harness/sessions.js';

const sessions = openSessions();

it('returns a request whose result is null, and logs the user in', async () => {
  const session = await sessions.fresh('nobody');
  const request = await session.call<{ requestId: number }>('authAsync', { ...target.user });
  expect(request).toEqual({ requestId: aNumber });
  await expect(session.call('getRequestResult', request)).resolves.toBeNull();
  await expect(session.call('echo', { text: 'in' })).resolves.toBe('in');
});

it('raises on a wrong password', async () => {
  const session = await sessions.fresh('nobody');
  const { userName } = target.user;
  const attempt = session.result('authAsync', { userName, password: 'wrong' });
  await expect(attempt).rejects.toMatchObject(failure('auth_failed'));
  await expect(session.call('echo')).rejects.toMatchObject(failure('not_authenticated'));
});

it('takes null for absent parameters', async () => {
  const byName = await sessions.fresh('nobody');
  const none = { token: null, tokenSession: null };
  await expect(byName.result('authAsync', { ...target.user, ...none })).resolves.toBeNull();
  const { token } = await byName.call<{ token: string }>('createAPIToken');
  const byToken = await sessions.fresh('nobody');
  const params = { token, userName: null, password: null, tokenSession: null };
  await expect(byToken.result('authAsync', params)).resolves.toBeNull();
});

it('refuses a user name together with a token', async () => {
  const user = await sessions.as('user');
  const { token } = await user.call<{ token: string }>('createAPIToken');
  const session = await sessions.fresh('nobody');
  const both = session.call('authAsync', { ...target.user, token });
  await expect(both).rejects.toMatchObject(failure('invalid_params'));
  await expect(session.call('authAsync')).rejects.toMatchObject(failure('invalid_params'));
});

it('takes the password for a token', async () => {
  const user = await sessions.as('user');
  const { token } = await user.call<{ token: string }>('createAPIToken', { password: 'sesame' });
  const session = await sessions.fresh('nobody');
  await expect(session.result('authAsync', { token })).rejects.toMatchObject(
    failure('auth_failed'),
  );
  await expect(session.result('authAsync', { token, password: 'sesame' })).resolves.toBeNull();
});

it('shares objects between logins of one token with the same tokenSession', async () => {
  const user = await sessions.as('user');
  const { token } = await user.call<{ token: string }>('createAPIToken');
  const login = async (tokenSession: string | null) => {
    const session = await sessions.fresh('nobody');
    await session.result('authAsync', { token, tokenSession });
    return session;
  };
  const [first, second, stranger] = [await login('here'), await login('here'), await login(null)];
  const mappings = { '/x': target.directory };
  const manifest = await first.call<{ manifestId: string }>('send.createManifest', { mappings });
  const { manifestId } = manifest;

  await expect(second.call('send.getManifest', { manifestId })).resolves.toMatchObject({
    manifestId,
  });
  await expect(stranger.call('send.getManifest', { manifestId })).rejects.toMatchObject(
    failure('not_found'),
  );
});

it('shows the token session in getServerInfo, a generated one when none was given', async () => {
  const user = await sessions.as('user');
  const { token } = await user.call<{ token: string }>('createAPIToken');
  const named = await sessions.fresh('nobody');
  await named.result('authAsync', { token, tokenSession: 'mine' });
  await expect(named.call('getServerInfo')).resolves.toMatchObject({ tokenSession: 'mine' });
  const other = await sessions.fresh('nobody');
  await other.result('authAsync', { token });
  await expect(other.call('getServerInfo')).resolves.toMatchObject({
    tokenSession: textLike(/.{16,}/),
  });
});

it('refuses a tokenSession without a token', async () => {
  const session = await sessions.as('nobody');
  const params = { ...target.user, tokenSession: 'mine' };
  await expect(session.call('authAsync', params)).rejects.toMatchObject(failure('invalid_params'));
});
