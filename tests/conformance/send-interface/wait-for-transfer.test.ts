import { expect, it } from 'vitest';
import { expectLoginNeeded, failure, openSessions } from '../harness/sessions.js';
import { hasPeer, openSending } from '../harness/transfers.js';

const sessions = openSessions();
const sending = openSending(sessions);

it.skipIf(!hasPeer)('returns a transfer when it has ended', async () => {
  const user = await sessions.as('user');
  const { transferId } = await sending.transfer();
  const done = await user.call('send.waitForTransfer', { transferId, timeoutSeconds: 60 });
  expect(done).toMatchObject({ transferId, status: 'complete', processing: false });
});

it('raises when the time is over first', async () => {
  const user = await sessions.as('user');
  const { transferId } = await sending.waitingTransfer();
  const wait = user.call('send.waitForTransfer', { transferId, timeoutSeconds: 0.1 });
  await expect(wait).rejects.toMatchObject(failure('timeout'));
});

it('needs a login and an object that exists', async () => {
  await expectLoginNeeded(sessions, 'send.waitForTransfer', { transferId: 'f'.repeat(32) });
  const user = await sessions.as('user');
  await expect(
    user.call('send.waitForTransfer', { transferId: 'f'.repeat(32) }),
  ).rejects.toMatchObject(failure('not_found'));
  await expect(user.call('send.waitForTransfer')).rejects.toMatchObject(failure('invalid_params'));
});
