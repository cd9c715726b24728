import { expect, it } from 'vitest';
import { textLike } from '../harness/matchers.js';
import { expectSuperuserOnly, openSessions, target } from '../harness/sessions.js';

const sessions = openSessions();

it('returns a dictionary with the list of users and the list of groups', async () => {
  const superuser = await sessions.as('superuser');
  const { userName: name } = target.wrangler;
  await superuser.call('addWranglerAsync', { name });
  const wranglers = await superuser.call<{ users: object[] }>('getWranglers');
  expect(Object.keys(wranglers).sort()).toEqual(['groups', 'users']);
  expect(wranglers).toMatchObject({ groups: [] });
  expect(wranglers.users).toContainEqual({ id: textLike(/^\d+$/), name });
});

it('is for superusers only', () => expectSuperuserOnly(sessions, 'getWranglers'));
