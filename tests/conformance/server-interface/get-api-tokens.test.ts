import { expect, it } from 'vitest';
import { expectLoginNeeded, failure, openSessions } from '../harness/sessions.js';

const sessions = openSessions();

interface Token {
  readonly token: string;
  readonly description: string;
  readonly owner: string;
}

it('returns the structures of all known tokens of the user', async () => {
  const other = await sessions.as('other');
  const before = await other.call<Token[]>('getAPITokens');
  const made = [];
  for (const description of ['one', 'two', 'three']) {
    made.push(await other.call<Token>('createAPIToken', { description }));
  }
  const after = await other.call<Token[]>('getAPITokens');
  expect(after).toHaveLength(before.length + 3);
  for (const token of made) {
    const described = await other.call('getAPIToken', { token });
    expect(after).toContainEqual(described);
  }
});

it('returns at most limit of them, all without', async () => {
  const other = await sessions.as('other');
  for (const description of ['four', 'five']) {
    await other.call('createAPIToken', { description });
  }
  const all = await other.call<Token[]>('getAPITokens', { limit: null });
  expect(await other.call('getAPITokens')).toEqual(all);
  const some = await other.call<Token[]>('getAPITokens', { limit: 2 });
  expect(some).toEqual(all.slice(0, 2));
  const wrong = failure('invalid_params');
  await expect(other.call('getAPITokens', { limit: 0 })).rejects.toMatchObject(wrong);
  await expect(other.call('getAPITokens', { limit: 1.5 })).rejects.toMatchObject(wrong);
});

it('shows the tokens of all users to a superuser, own ones to a user', async () => {
  const [user, other] = [await sessions.as('user'), await sessions.as('other')];
  await user.call('createAPIToken');
  await other.call('createAPIToken');
  const ownersOf = (tokens: Token[]): number => new Set(tokens.map(({ owner }) => owner)).size;
  expect(ownersOf(await user.call<Token[]>('getAPITokens'))).toBe(1);
  const superuser = await sessions.as('superuser');
  expect(ownersOf(await superuser.call<Token[]>('getAPITokens'))).toBeGreaterThanOrEqual(2);
  await expectLoginNeeded(sessions, 'getAPITokens');
});
