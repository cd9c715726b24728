import type { TransferStructure } from '@jetstream/contract';
import { expect, it } from 'vitest';
import { expectLoginNeeded, failure, openSessions } from '../harness/sessions.js';
import { hasPeer, openSending } from '../harness/transfers.js';

const sessions = openSessions();
const sending = openSending(sessions);

it.skipIf(!hasPeer)('lets a transfer that failed go on where it stopped', async () => {
  const user = await sessions.as('user');
  const { transferId } = await sending.slowTransfer();
  await sending.moving(transferId);
  await user.call('send.failTransfer', { transferId, errorMessage: 'for a moment' });
  const failed = await sending.ended(transferId);
  expect(failed.bytesDurable).toBeGreaterThan(0);
  const again = await user.call<TransferStructure>('send.retryTransfer', { transferId });
  expect(again).toMatchObject({ processing: true, endTime: null, errorMessage: '' });
  expect(again.bytesDurable).toBe(failed.bytesDurable);
  await user.call('send.updateTransfer', { transferId, sendRateMax: 0 });
  const done = await sending.ended(transferId);
  expect(done).toMatchObject({ status: 'complete', bytesDurable: 67_108_864 });
});

it.skipIf(!hasPeer)('sends again what was cancelled', async () => {
  const user = await sessions.as('user');
  const { transferId } = await sending.slowTransfer();
  await sending.moving(transferId);
  await user.call('send.cancelTransfer', { transferId });
  await user.call('send.retryTransfer', { transferId });
  await user.call('send.updateTransfer', { transferId, sendRateMax: 0 });
  expect(await sending.ended(transferId)).toMatchObject({ status: 'complete' });
});

it.skipIf(!hasPeer)('is refused for what is complete', async () => {
  const user = await sessions.as('user');
  const { transferId } = await sending.transfer();
  await sending.ended(transferId);
  const attempt = user.call('send.retryTransfer', { transferId });
  await expect(attempt).rejects.toMatchObject(failure('conflict'));
});

it('needs a login and an object that exists', async () => {
  await expectLoginNeeded(sessions, 'send.retryTransfer', { transferId: 'f'.repeat(32) });
  const user = await sessions.as('user');
  await expect(
    user.call('send.retryTransfer', { transferId: 'f'.repeat(32) }),
  ).rejects.toMatchObject(failure('not_found'));
  await expect(user.call('send.retryTransfer')).rejects.toMatchObject(failure('invalid_params'));
});
