import { expect, it } from 'vitest';
import { aString } from '../harness/matchers.js';
import { expectSuperuserOnly, failure, openSessions, target } from '../harness/sessions.js';

const sessions = openSessions();

interface Entry {
  readonly id: string;
  readonly name: string;
}
interface Wranglers {
  readonly users: readonly Entry[];
  readonly groups: readonly Entry[];
}

const lists = async (): Promise<Wranglers> =>
  (await sessions.as('superuser')).call<Wranglers>('getWranglers');

it('gives a user wrangler permissions and returns null', async () => {
  const superuser = await sessions.as('superuser');
  const { userName: name } = target.wrangler;
  expect(await superuser.call('addWranglerAsync', { name })).toBeNull();
  expect((await lists()).users.map((user) => user.name)).toContain(name);
  const session = await sessions.login(target.wrangler);
  expect(await session.call('wrangler')).toBeNull();
});

it('gives a group wrangler permissions with isGroup', async () => {
  const superuser = await sessions.as('superuser');
  const before = await lists();
  await superuser.call('addWranglerAsync', { name: target.systemGroup, isGroup: true });
  const { users, groups } = await lists();
  const added = groups.find(({ name }) => name === target.systemGroup);
  expect(added).toEqual({ id: aString, name: target.systemGroup });
  expect(users).toEqual(before.users);
  await superuser.call('deleteWrangler', { identifier: added?.id, isGroup: true });
});

it('takes null and false for an absent isGroup, and adds nothing twice', async () => {
  const superuser = await sessions.as('superuser');
  const name = target.systemUser;
  for (const isGroup of [null, false, null]) {
    expect(await superuser.call('addWranglerAsync', { name, isGroup })).toBeNull();
  }
  const added = (await lists()).users.filter((user) => user.name === name);
  expect(added).toHaveLength(1);
  await superuser.call('deleteWrangler', { identifier: added[0]?.id });
});

it('raises when the user or group does not exist', async () => {
  const superuser = await sessions.as('superuser');
  const before = await lists();
  const unknown = failure('not_found');
  const name = 'no-such-name-anywhere';
  await expect(superuser.call('addWranglerAsync', { name })).rejects.toMatchObject(unknown);
  const group = superuser.call('addWranglerAsync', { name, isGroup: true });
  await expect(group).rejects.toMatchObject(unknown);
  const empty = superuser.call('addWranglerAsync', { name: '' });
  await expect(empty).rejects.toMatchObject(failure('invalid_params'));
  expect(await lists()).toEqual(before);
});

it('is for superusers only', () =>
  expectSuperuserOnly(sessions, 'addWranglerAsync', { name: target.user.userName }));
