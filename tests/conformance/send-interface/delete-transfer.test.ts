import { expect, it } from 'vitest';
import { expectLoginNeeded, failure, openSessions } from '../harness/sessions.js';
import { openSending } from '../harness/transfers.js';

const sessions = openSessions();
const sending = openSending(sessions);

it('deletes the record of a transfer that has ended, and returns null', async () => {
  const user = await sessions.as('user');
  const { transferId } = await sending.waitingTransfer();
  const early = user.call('send.deleteTransfer', { transferId });
  await expect(early).rejects.toMatchObject(failure('conflict'));
  await user.call('send.cancelTransfer', { transferId });
  expect(await user.call('send.deleteTransfer', { transferId })).toBeNull();
  const gone = user.call('send.getTransfer', { transferId });
  await expect(gone).rejects.toMatchObject(failure('not_found'));
});

it('needs a login and an object that exists', async () => {
  await expectLoginNeeded(sessions, 'send.deleteTransfer', { transferId: 'f'.repeat(32) });
  const user = await sessions.as('user');
  await expect(
    user.call('send.deleteTransfer', { transferId: 'f'.repeat(32) }),
  ).rejects.toMatchObject(failure('not_found'));
  await expect(user.call('send.deleteTransfer')).rejects.toMatchObject(failure('invalid_params'));
});
