import { expect, it } from 'vitest';
import { expectLoginNeeded, failure, openSessions } from '../harness/sessions.js';
import { hasPeer, openSending } from '../harness/transfers.js';

const sessions = openSessions();
const sending = openSending(sessions);

it('takes a waiting transfer out of the queue', async () => {
  const user = await sessions.as('user');
  const { transferId } = await sending.waitingTransfer();
  const suspended = await user.call('send.suspendTransfer', { transferId });
  expect(suspended).toMatchObject({ status: 'suspended', processing: true, nextRetryTime: null });
  const twice = user.call('send.suspendTransfer', { transferId });
  await expect(twice).rejects.toMatchObject(failure('conflict'));
});

it.skipIf(!hasPeer)('stops a running transfer and keeps its progress', async () => {
  const user = await sessions.as('user');
  const { transferId } = await sending.slowTransfer();
  const { bytesDurable } = await sending.moving(transferId);
  const suspended = await user.call('send.suspendTransfer', { transferId });
  expect(suspended).toMatchObject({ status: 'suspended', sendRate: 0 });
  const shown = await user.call<{ bytesDurable: number }>('send.getTransfer', { transferId });
  expect(shown.bytesDurable).toBeGreaterThanOrEqual(bytesDurable);
});

it('shows nothing of it to other users, everything to wranglers and superusers', async () => {
  const user = await sessions.as('user');
  const { transferId } = await sending.waitingTransfer();
  const params = { transferId };
  const other = await sessions.as('other');
  await expect(other.call('send.suspendTransfer', params)).rejects.toMatchObject(
    failure('not_found'),
  );
  const token = await sessions.as('token');
  await expect(token.call('send.suspendTransfer', params)).rejects.toMatchObject(
    failure('not_found'),
  );
  for (const role of ['wrangler', 'superuser'] as const) {
    const session = await sessions.as(role);
    await expect(session.call('send.suspendTransfer', params), role).resolves.toBeDefined();
    await user.call('send.resumeTransfer', params);
  }
});

it('needs a login and an object that exists', async () => {
  await expectLoginNeeded(sessions, 'send.suspendTransfer', { transferId: 'f'.repeat(32) });
  const user = await sessions.as('user');
  await expect(
    user.call('send.suspendTransfer', { transferId: 'f'.repeat(32) }),
  ).rejects.toMatchObject(failure('not_found'));
  await expect(user.call('send.suspendTransfer')).rejects.toMatchObject(failure('invalid_params'));
});
