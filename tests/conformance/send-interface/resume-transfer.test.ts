import type { TransferStructure } from '@jetstream/contract';
import { expect, it } from 'vitest';
import { expectLoginNeeded, failure, openSessions } from '../harness/sessions.js';
import { hasPeer, openSending } from '../harness/transfers.js';

const sessions = openSessions();
const sending = openSending(sessions);

it.skipIf(!hasPeer)('lets a suspended transfer go on where it stopped', async () => {
  const user = await sessions.as('user');
  const { transferId } = await sending.slowTransfer();
  await sending.moving(transferId);
  await user.call('send.suspendTransfer', { transferId });
  const { bytesDurable } = await user.call<TransferStructure>('send.getTransfer', { transferId });
  await user.call('send.updateTransfer', { transferId, sendRateMax: 0 });
  const resumed = await user.call<TransferStructure>('send.resumeTransfer', { transferId });
  expect(['queued', 'active']).toContain(resumed.status);
  expect(resumed.bytesDurable).toBeGreaterThanOrEqual(bytesDurable);
  const done = await sending.ended(transferId);
  expect(done).toMatchObject({ status: 'complete', bytesDurable: 67_108_864 });
  // What was durable is not sent again.
  expect(done.blocksSent).toBeLessThan((done.totalBlocks ?? 0) + 40_000);
});

it('is refused for what is not suspended', async () => {
  const user = await sessions.as('user');
  const { transferId } = await sending.waitingTransfer();
  const attempt = user.call('send.resumeTransfer', { transferId });
  await expect(attempt).rejects.toMatchObject(failure('conflict'));
});

it('needs a login and an object that exists', async () => {
  await expectLoginNeeded(sessions, 'send.resumeTransfer', { transferId: 'f'.repeat(32) });
  const user = await sessions.as('user');
  await expect(
    user.call('send.resumeTransfer', { transferId: 'f'.repeat(32) }),
  ).rejects.toMatchObject(failure('not_found'));
  await expect(user.call('send.resumeTransfer')).rejects.toMatchObject(failure('invalid_params'));
});
