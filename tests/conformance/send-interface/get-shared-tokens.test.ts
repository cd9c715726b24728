import { expect, it } from 'vitest';
import { expectLoginNeeded, openSessions, type Role } from '../harness/sessions.js';
import { idOf, type SharedToken, shareAsUser } from '../harness/shared-tokens.js';

const sessions = openSessions();

const list = async (role: Role, params = {}): Promise<string[]> => {
  const session = await sessions.as(role);
  const tokens = await session.call<SharedToken[]>('send.getSharedTokens', params);
  return tokens.map(({ token }) => token);
};

it('lists the tokens that the caller may see, oldest first', async () => {
  const first = idOf(await shareAsUser(sessions));
  const second = idOf(await shareAsUser(sessions));
  for (const role of ['user', 'wrangler', 'superuser'] as const) {
    const seen = await list(role);
    expect(
      seen.filter((token) => token === first || token === second),
      role,
    ).toEqual([first, second]);
  }
  for (const role of ['other', 'token'] as const) {
    expect(await list(role)).not.toContain(first);
  }
});

it('returns a page of them', async () => {
  await shareAsUser(sessions);
  await shareAsUser(sessions);
  const all = await list('user');
  expect(await list('user', { offset: 1, limit: 1 })).toEqual([all[1]]);
  expect(await list('user', { offset: all.length })).toEqual([]);
});

it('needs a login', () => expectLoginNeeded(sessions, 'send.getSharedTokens'));
