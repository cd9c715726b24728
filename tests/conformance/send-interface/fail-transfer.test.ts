import { expect, it } from 'vitest';
import { expectLoginNeeded, failure, openSessions } from '../harness/sessions.js';
import { openSending } from '../harness/transfers.js';

const sessions = openSessions();
const sending = openSending(sessions);

it('ends a transfer with the given error message', async () => {
  const user = await sessions.as('user');
  const { transferId } = await sending.waitingTransfer();
  const errorMessage = 'The edit is not approved';
  const failed = await user.call('send.failTransfer', { transferId, errorMessage });
  expect(failed).toMatchObject({ status: 'error', processing: false, errorMessage });
  const twice = user.call('send.failTransfer', { transferId, errorMessage });
  await expect(twice).rejects.toMatchObject(failure('conflict'));
});

it('needs a login and an object that exists', async () => {
  await expectLoginNeeded(sessions, 'send.failTransfer', {
    transferId: 'f'.repeat(32),
    errorMessage: 'no',
  });
  const user = await sessions.as('user');
  await expect(
    user.call('send.failTransfer', { transferId: 'f'.repeat(32), errorMessage: 'no' }),
  ).rejects.toMatchObject(failure('not_found'));
  await expect(user.call('send.failTransfer')).rejects.toMatchObject(failure('invalid_params'));
});
