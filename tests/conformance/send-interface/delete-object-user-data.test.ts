import { expect, it } from 'vitest';
import { expectLoginNeeded, failure, openSessions } from '../harness/sessions.js';
import { openSending } from '../harness/transfers.js';

const sessions = openSessions();
const sending = openSending(sessions);

it('removes one piece of user data, and returns what is left', async () => {
  const user = await sessions.as('user');
  const { manifestId } = await sending.manifest();
  const object = { objectType: 'manifest', objectId: manifestId };
  await user.call('send.updateObjectUserData', { ...object, userData: { a: 1, b: 2 } });
  const remove = { ...object, key: 'a' };
  expect(await user.call('send.deleteObjectUserData', remove)).toEqual({ b: 2 });
  expect(await user.call('send.deleteObjectUserData', remove)).toEqual({ b: 2 });
});

it('needs a login and an object that exists', async () => {
  await expectLoginNeeded(sessions, 'send.deleteObjectUserData', {
    objectType: 'transfer',
    objectId: 'f'.repeat(32),
    key: 'a',
  });
  const user = await sessions.as('user');
  await expect(
    user.call('send.deleteObjectUserData', {
      objectType: 'transfer',
      objectId: 'f'.repeat(32),
      key: 'a',
    }),
  ).rejects.toMatchObject(failure('not_found'));
  await expect(user.call('send.deleteObjectUserData')).rejects.toMatchObject(
    failure('invalid_params'),
  );
});
