import { expect, it } from 'vitest';
import { expectLoginNeeded, failure, openSessions } from '../harness/sessions.js';
import { openSending } from '../harness/transfers.js';

const sessions = openSessions();
const sending = openSending(sessions);

it('deletes a destination and returns null', async () => {
  const user = await sessions.as('user');
  const { destinationId } = await sending.nowhere({ destinationPort: 1007 });
  expect(await user.call('send.deleteDestination', { destinationId })).toBeNull();
  const gone = user.call('send.getDestination', { destinationId });
  await expect(gone).rejects.toMatchObject(failure('not_found'));
});

it('refuses while a transfer that has not ended uses it', async () => {
  const user = await sessions.as('user');
  const { destinationId, transferId } = await sending.waitingTransfer();
  const inUse = user.call('send.deleteDestination', { destinationId });
  await expect(inUse).rejects.toMatchObject(failure('conflict'));
  await user.call('send.cancelTransfer', { transferId });
});

it('needs a login and an object that exists', async () => {
  await expectLoginNeeded(sessions, 'send.deleteDestination', {
    destinationId: 'nowhere.example:1',
  });
  const user = await sessions.as('user');
  await expect(
    user.call('send.deleteDestination', { destinationId: 'nowhere.example:1' }),
  ).rejects.toMatchObject(failure('not_found'));
  await expect(user.call('send.deleteDestination')).rejects.toMatchObject(
    failure('invalid_params'),
  );
});
