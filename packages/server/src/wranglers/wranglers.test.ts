import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openOsAccounts } from '../adapters/os-accounts/os-accounts.js';
import { type LabSocket, ServerLab } from '../server-lab.conformance.js';
import { openUsers } from '../users/open-users.js';

/** An account and a group that every Linux has, and that never run a server. */
const OS_NAME = 'daemon';
const accounts = openOsAccounts();
const lab = new ServerLab({ superuser: ['boss'], supergroup: ['no-such-group'] });
let admin: LabSocket;

const add = (name: string, isGroup?: boolean) =>
  admin.call('addWranglerAsync', { name, ...(isGroup === undefined ? {} : { isGroup }) });
const userNames = async () => (await admin.call('getWranglers')).users.map(({ name }) => name);
const idOf = async (name: string): Promise<string> => {
  const { users } = await admin.call('getWranglers');
  return users.find((user) => user.name === name)?.id ?? 'none';
};
/** Whether the session is shown the request of another user. */
const seesOthers = async (session: LabSocket, requestId: number): Promise<boolean> =>
  (await session.raw('getRequestStatus', { requestId }))['error'] === undefined;
const requestOf = async (session: LabSocket): Promise<number> =>
  (await session.call('lsRootsAsync')).requestId;

beforeAll(async () => {
  await lab.start();
  for (const name of ['ann', 'bob', 'boss', OS_NAME]) await lab.addUser(name);
  admin = await lab.connectLocal();
  await admin.call('superuser');
}, 30_000);
afterAll(() => lab.dispose());

describe('wranglers', () => {
  test('only a superuser sees and changes them', async () => {
    const ann = await lab.connectUser('ann');
    const calls: [string, object][] = [
      ['addWranglerAsync', { name: 'ann' }],
      ['deleteWrangler', { identifier: 0 }],
      ['getWranglers', {}],
    ];
    for (const [method, params] of calls) {
      expect((await ann.fail(method, params)).code).toBe('permission_denied');
    }
    expect(await admin.call('getWranglers')).toEqual({ users: [], groups: [] });
    expect((await ann.fail('wrangler')).code).toBe('permission_denied');
  });

  test('a user with the right sees the objects of all users, and is no superuser', async () => {
    const other = await requestOf(await lab.connectUser('bob'));
    expect(await add('ann')).toBeNull();
    const ann = await lab.connectUser('ann');
    expect(await seesOthers(ann, other)).toBe(false);
    expect(await ann.call('wrangler')).toBeNull();
    expect(await seesOthers(ann, other)).toBe(true);
    expect((await ann.fail('superuser')).code).toBe('permission_denied');
    expect((await ann.fail('getWranglers')).code).toBe('permission_denied');
    expect((await ann.call('getServerInfo')).configuration).toBeNull();
    expect(await seesOthers(await lab.connectUser('ann'), other)).toBe(false);
    const bob = await lab.connectUser('bob');
    expect((await bob.fail('wrangler')).code).toBe('permission_denied');
  });

  test('a right that is taken back ends at once, in open sessions and over HTTP', async () => {
    const other = await requestOf(await lab.connectUser('bob'));
    const ann = await lab.connectUser('ann');
    await ann.call('wrangler');
    const headers = {
      authorization: `Basic ${Buffer.from('ann:ann-password').toString('base64')}`,
      'x-jetstream-level': 'wrangler',
    };
    const body = JSON.stringify({ requestId: other });
    expect((await lab.http('/api/getRequestStatus', { headers, body })).status).toBe(200);
    const identifier = await idOf('ann');
    expect(identifier).toMatch(/^local:\d+$/);
    await admin.call('deleteWrangler', { identifier });
    expect(await seesOthers(ann, other)).toBe(false);
    expect(await ann.call('echo', { text: 'still logged in' })).toBe('still logged in');
    expect((await ann.fail('wrangler')).code).toBe('permission_denied');
    expect((await lab.http('/api/getRequestStatus', { headers, body })).status).toBe(403);
    const again = await admin.fail('deleteWrangler', { identifier });
    expect(again.code).toBe('not_found');
  });

  test('names of the operating system are kept as its ids', async () => {
    const [osUser, osGroup] = await Promise.all([
      accounts.findUser(OS_NAME),
      accounts.findGroup(OS_NAME),
    ]);
    await add(OS_NAME);
    await add(OS_NAME, true);
    await add(OS_NAME, true);
    expect(await admin.call('getWranglers')).toEqual({
      users: [{ id: osUser?.id, name: OS_NAME }],
      groups: [{ id: osGroup?.id, name: OS_NAME }],
    });
    // By its number as well, as an integer: the reference calls it a user id.
    await admin.call('deleteWrangler', { identifier: Number(osUser?.id) });
    const session = await lab.connectUser(OS_NAME);
    await session.call('wrangler');
    const asUser = await admin.fail('deleteWrangler', { identifier: osGroup?.id });
    expect(asUser.code).toBe('not_found');
    await admin.call('deleteWrangler', { identifier: osGroup?.id ?? '', isGroup: true });
    expect((await session.fail('wrangler')).code).toBe('permission_denied');
  });

  test('a name without an account is refused', async () => {
    for (const params of [
      { name: 'nobody-of-this-name' },
      { name: '0' },
      { name: 'ann', isGroup: true },
      { name: '../root' },
      { name: '--version' },
    ]) {
      expect((await admin.fail('addWranglerAsync', params)).code).toBe('not_found');
    }
    for (const params of [{}, { name: '' }, { name: 7 }, { name: 'ann', isGroup: 'yes' }]) {
      expect((await admin.fail('addWranglerAsync', params)).code).toBe('invalid_params');
    }
    for (const identifier of ['', -1, 1.5, null, 'x'.repeat(65)]) {
      expect((await admin.fail('deleteWrangler', { identifier })).code).toBe('invalid_params');
    }
    for (const identifier of ['bob', 'local:99', '0x0', 4_294_967_295]) {
      expect((await admin.fail('deleteWrangler', { identifier })).code).toBe('not_found');
    }
    expect(await admin.call('getWranglers')).toEqual({ users: [], groups: [] });
  });

  test('superusers are wranglers, and cannot be deleted', async () => {
    const boss = await lab.connectUser('boss');
    await boss.call('wrangler');
    await boss.call('superuser');
    await boss.call('wrangler');
    expect((await boss.call('getServerInfo')).configuration).not.toBeNull();
    await add('boss');
    const identifier = await idOf('boss');
    expect(await boss.fail('deleteWrangler', { identifier })).toMatchObject({ code: 'conflict' });
    const owner = await admin.fail('deleteWrangler', { identifier: accounts.processOwnerId });
    expect(owner.code).toBe('conflict');
    expect(await userNames()).toEqual(['boss']);
  });

  test('the right dies with a built-in user, and survives a restart otherwise', async () => {
    await add('bob');
    await lab.stop();
    {
      await using opened = await openUsers(lab.stateDir);
      await opened.users.remove('bob');
      await opened.users.add('bob', 'bob-password');
    }
    await lab.start();
    admin = await lab.connectLocal();
    await admin.call('superuser');
    expect(await userNames()).toEqual(['boss']);
    expect((await (await lab.connectUser('bob')).fail('wrangler')).code).toBe('permission_denied');
    await add('bob');
    expect(await idOf('bob')).not.toBe(await idOf('boss'));
  });

  test('a token never elevates, whatever its owner may do', async () => {
    const { token } = await (await lab.connectUser('boss')).call('createAPIToken');
    const session = await lab.connect();
    await session.call('authToken', { token });
    expect((await session.fail('wrangler')).code).toBe('permission_denied');
    expect((await session.fail('superuser')).code).toBe('permission_denied');
    for (const level of ['wrangler', 'superuser', 'root']) {
      const headers = { authorization: `Bearer ${token}`, 'x-jetstream-level': level };
      expect((await lab.apiError('echo', {}, headers)).code).toBe('permission_denied');
    }
  });
});
