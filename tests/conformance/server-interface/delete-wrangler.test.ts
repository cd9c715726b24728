import { expect, it } from 'vitest';
import {
  anyFailure,
  expectSuperuserOnly,
  failure,
  openSessions,
  type Session,
  target,
} from '../harness/sessions.js';

const sessions = openSessions();

type Kind = 'users' | 'groups';
type Wranglers = Readonly<Record<Kind, readonly { readonly id: string; readonly name: string }[]>>;

const idOf = async (superuser: Session, kind: Kind, name: string): Promise<string | undefined> => {
  const lists = await superuser.call<Wranglers>('getWranglers');
  return lists[kind].find((entry) => entry.name === name)?.id;
};

it('takes wrangler permissions from a user id and returns null', async () => {
  const superuser = await sessions.as('superuser');
  const { userName: name } = target.wrangler;
  await superuser.call('addWranglerAsync', { name });
  const identifier = await idOf(superuser, 'users', name);
  expect(await superuser.call('deleteWrangler', { identifier, isGroup: null })).toBeNull();
  expect(await idOf(superuser, 'users', name)).toBeUndefined();
  const session = await sessions.login(target.wrangler);
  await expect(session.call('wrangler')).rejects.toMatchObject(failure('permission_denied'));
});

it('takes them from a group id with isGroup', async () => {
  const superuser = await sessions.as('superuser');
  const name = target.systemGroup;
  await superuser.call('addWranglerAsync', { name, isGroup: true });
  const identifier = await idOf(superuser, 'groups', name);
  expect(await superuser.call('deleteWrangler', { identifier, isGroup: true })).toBeNull();
  expect(await idOf(superuser, 'groups', name)).toBeUndefined();
});

it('deletes by id, not by name', async () => {
  const superuser = await sessions.as('superuser');
  const name = target.systemUser;
  await superuser.call('addWranglerAsync', { name });
  const byName = superuser.call('deleteWrangler', { identifier: name });
  await expect(byName).rejects.toMatchObject(anyFailure);
  const identifier = await idOf(superuser, 'users', name);
  expect(identifier).toMatch(/^\d+$/);
  await superuser.call('deleteWrangler', { identifier });
});

it('raises when the id is not one of a wrangler', async () => {
  const superuser = await sessions.as('superuser');
  for (const isGroup of [false, true]) {
    const attempt = superuser.call('deleteWrangler', { identifier: '4000000000', isGroup });
    await expect(attempt).rejects.toMatchObject(failure('not_found'));
  }
});

it.skipIf(target.superuserId === null)('raises for the id of a superuser', async () => {
  const superuser = await sessions.as('superuser');
  const attempt = superuser.call('deleteWrangler', { identifier: target.superuserId });
  await expect(attempt).rejects.toMatchObject(failure('conflict'));
});

it('is for superusers only', () =>
  expectSuperuserOnly(sessions, 'deleteWrangler', { identifier: '4000000000' }));
