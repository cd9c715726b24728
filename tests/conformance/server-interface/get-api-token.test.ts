import { expect, it } from 'vitest';
import { expectLoginNeeded, failure, openSessions } from '../harness/sessions.js';

const sessions = openSessions();

interface Token {
  readonly token: string;
}

const params = { description: 'shown', timeLimitSeconds: 3600, permissions: 17 };

it('describes a token given as text or as structure', async () => {
  const user = await sessions.as('user');
  const made = await user.call<Token>('createAPIToken', params);
  const { token: _secret, ...facts } = made;
  await expect(user.call('getAPIToken', { token: made.token })).resolves.toMatchObject(facts);
  const found = await user.call<Token>('getAPIToken', { token: made });
  expect(found).toMatchObject(facts);
  await expect(user.call('getAPIToken', { token: found })).resolves.toEqual(found);
});

it('never shows the secret again', async () => {
  const user = await sessions.as('user');
  const made = await user.call<Token>('createAPIToken', params);
  const found = await user.call<Token>('getAPIToken', { token: made });
  expect(made.token).toContain(found.token);
  await expect(sessions.loginByToken(found.token)).rejects.toMatchObject(failure('auth_failed'));
});

it('raises when the token was not found', async () => {
  const user = await sessions.as('user');
  const attempt = user.call('getAPIToken', { token: 'js1.never.made' });
  await expect(attempt).rejects.toMatchObject(failure('not_found'));
});

it('shows a token to its owner and to wranglers only', async () => {
  const user = await sessions.as('user');
  const { token } = await user.call<Token>('createAPIToken', params);
  const other = await sessions.as('other');
  await expect(other.call('getAPIToken', { token })).rejects.toMatchObject(failure('not_found'));
  const superuser = await sessions.as('superuser');
  await expect(superuser.call('getAPIToken', { token })).resolves.toMatchObject({
    description: 'shown',
  });
  await expectLoginNeeded(sessions, 'getAPIToken', { token });
});
