import { expect, it } from 'vitest';
import { expectLoginNeeded, failure, openSessions } from '../harness/sessions.js';
import { openSending } from '../harness/transfers.js';

const sessions = openSessions();
const sending = openSending(sessions);

it('sets user data of manifests, destinations, transfers and shared tokens', async () => {
  const user = await sessions.as('user');
  const { transferId, manifestId, destinationId } = await sending.waitingTransfer();
  const shared = await user.call<{ token: string }>('send.createSharedToken', { manifestId });
  for (const [objectType, objectId, key] of [
    ['sharedToken', shared.token, 'token'],
    ['manifest', manifestId, 'manifestId'],
    ['destination', destinationId, 'destinationId'],
    ['transfer', transferId, 'transferId'],
  ] as const) {
    const set = { objectType, objectId, userData: { shot: 12, list: [1, 'a'] } };
    expect(await user.call('send.updateObjectUserData', set)).toEqual(set.userData);
    const more = { ...set, userData: { shot: 13 } };
    const all = { shot: 13, list: [1, 'a'] };
    expect(await user.call('send.updateObjectUserData', more)).toEqual(all);
    const method = `send.get${objectType[0]?.toUpperCase()}${objectType.slice(1)}`;
    expect(await user.call(method, { [key]: objectId })).toMatchObject({ userData: all });
  }
});

it('shows nothing of it to other users, everything to wranglers and superusers', async () => {
  const { transferId } = await sending.waitingTransfer();
  const params = { objectType: 'transfer', objectId: transferId, userData: { seen: true } };
  const other = await sessions.as('other');
  await expect(other.call('send.updateObjectUserData', params)).rejects.toMatchObject(
    failure('not_found'),
  );
  const token = await sessions.as('token');
  await expect(token.call('send.updateObjectUserData', params)).rejects.toMatchObject(
    failure('not_found'),
  );
  for (const role of ['wrangler', 'superuser'] as const) {
    const session = await sessions.as(role);
    await expect(session.call('send.updateObjectUserData', params), role).resolves.toBeDefined();
  }
});

it('needs a login and an object that exists', async () => {
  await expectLoginNeeded(sessions, 'send.updateObjectUserData', {
    objectType: 'transfer',
    objectId: 'f'.repeat(32),
    userData: {},
  });
  const user = await sessions.as('user');
  await expect(
    user.call('send.updateObjectUserData', {
      objectType: 'transfer',
      objectId: 'f'.repeat(32),
      userData: {},
    }),
  ).rejects.toMatchObject(failure('not_found'));
  await expect(user.call('send.updateObjectUserData')).rejects.toMatchObject(
    failure('invalid_params'),
  );
});
