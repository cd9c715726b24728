import { expect, it } from 'vitest';
import { expectLoginNeeded, failure, openSessions } from '../harness/sessions.js';

const sessions = openSessions();

interface Token {
  readonly token: string;
  readonly creationTime: number;
  readonly expiryTime: number | null;
  readonly description: string;
}

const create = async (params: object = {}): Promise<Token> =>
  (await sessions.as('user')).call<Token>('createAPIToken', { ...params });
const get = async (token: Token): Promise<Token> =>
  (await sessions.as('user')).call<Token>('getAPIToken', { token });

it('changes the description and returns null', async () => {
  const user = await sessions.as('user');
  const made = await create({ description: 'old', timeLimitSeconds: 3600 });
  const params = { token: made.token, description: 'new' };
  expect(await user.call('updateAPIToken', params)).toBeNull();
  expect(await get(made)).toMatchObject({ description: 'new', expiryTime: made.expiryTime });
});

it('sets the time until it expires, from now', async () => {
  const user = await sessions.as('user');
  const made = await create({ description: 'kept' });
  await user.call('updateAPIToken', { token: made, timeLimitSeconds: 100 });
  const { expiryTime, description } = await get(made);
  expect(description).toBe('kept');
  expect(expiryTime).toBeGreaterThanOrEqual(made.creationTime + 100_000_000);
  expect(expiryTime).toBeLessThan(made.creationTime + 130_000_000);
});

it('ends the life of a token when the new time is over', async () => {
  const user = await sessions.as('user');
  const made = await create({ timeLimitSeconds: 3600 });
  const session = await sessions.loginByToken(made.token);
  await user.call('updateAPIToken', { token: made.token, timeLimitSeconds: 0.5 });
  await user.call('sleep', { milliseconds: 600 });
  await expect(session.call('echo')).rejects.toMatchObject(failure('not_authenticated'));
  await expect(sessions.loginByToken(made.token)).rejects.toMatchObject(failure('auth_failed'));
});

it('changes nothing for absent parameters and null', async () => {
  const user = await sessions.as('user');
  const made = await create({ description: 'same', timeLimitSeconds: 3600 });
  const before = await get(made);
  await user.call('updateAPIToken', { token: made.token });
  const nulls = { timeLimitSeconds: null, description: null };
  await user.call('updateAPIToken', { token: made.token, ...nulls });
  expect(await get(made)).toEqual(before);
});

it('raises when the token was not found, or belongs to somebody else', async () => {
  const [user, other] = [await sessions.as('user'), await sessions.as('other')];
  const params = { token: 'js1.never.made', description: 'x' };
  const unknown = failure('not_found');
  await expect(user.call('updateAPIToken', params)).rejects.toMatchObject(unknown);
  const { token } = await create();
  const foreign = other.call('updateAPIToken', { token, description: 'x' });
  await expect(foreign).rejects.toMatchObject(unknown);
});

it('needs a login and a sensible time, and is not open to tokens', async () => {
  const { token } = await create();
  await expectLoginNeeded(sessions, 'updateAPIToken', { token });
  const user = await sessions.as('user');
  const wrong = user.call('updateAPIToken', { token, timeLimitSeconds: -1 });
  await expect(wrong).rejects.toMatchObject(failure('invalid_params'));
  const session = await sessions.as('token');
  const denied = session.call('updateAPIToken', { token, description: 'x' });
  await expect(denied).rejects.toMatchObject(failure('permission_denied'));
});
