import type { TransferStructure } from '@jetstream/contract';
import { expect, it } from 'vitest';
import { expectLoginNeeded, failure, openSessions } from '../harness/sessions.js';
import { hasPeer, openSending } from '../harness/transfers.js';

const sessions = openSessions();
const sending = openSending(sessions);

it('changes priority, ceiling and policy, and leaves what is absent', async () => {
  const user = await sessions.as('user');
  const { transferId } = await sending.waitingTransfer();
  const update = (change: object): Promise<TransferStructure> =>
    user.call('send.updateTransfer', { transferId, ...change });
  const change = { priority: 3, sendRateMax: 700, rateControlMethod: 'background' };
  expect(await update(change)).toMatchObject(change);
  expect(await update({})).toMatchObject(change);
  const cleared = await update({ sendRateMax: 0, rateControlMethod: 'destination' });
  expect(cleared).toMatchObject({ priority: 3, sendRateMax: null, rateControlMethod: null });
});

it.skipIf(!hasPeer)('lets a running transfer go faster at once', async () => {
  const user = await sessions.as('user');
  const { transferId } = await sending.slowTransfer();
  await sending.moving(transferId);
  await user.call('send.updateTransfer', { transferId, sendRateMax: 0 });
  const done = await sending.ended(transferId);
  expect(done).toMatchObject({ status: 'complete', bytesDurable: 67_108_864 });
  // At 8 Mbit/s it would take 67 s.
  expect((done.endTime ?? 0) - (done.startTime ?? 0)).toBeLessThan(50e6);
});

it('is refused for what has ended', async () => {
  const user = await sessions.as('user');
  const { transferId } = await sending.waitingTransfer();
  await user.call('send.cancelTransfer', { transferId });
  const late = user.call('send.updateTransfer', { transferId, priority: 1 });
  await expect(late).rejects.toMatchObject(failure('conflict'));
});

it('shows nothing of it to other users, everything to wranglers and superusers', async () => {
  const { transferId } = await sending.waitingTransfer();
  const params = { transferId, priority: 50 };
  const other = await sessions.as('other');
  await expect(other.call('send.updateTransfer', params)).rejects.toMatchObject(
    failure('not_found'),
  );
  const token = await sessions.as('token');
  await expect(token.call('send.updateTransfer', params)).rejects.toMatchObject(
    failure('not_found'),
  );
  for (const role of ['wrangler', 'superuser'] as const) {
    const session = await sessions.as(role);
    await expect(session.call('send.updateTransfer', params), role).resolves.toBeDefined();
  }
});

it('needs a login and an object that exists', async () => {
  await expectLoginNeeded(sessions, 'send.updateTransfer', { transferId: 'f'.repeat(32) });
  const user = await sessions.as('user');
  await expect(
    user.call('send.updateTransfer', { transferId: 'f'.repeat(32) }),
  ).rejects.toMatchObject(failure('not_found'));
  await expect(user.call('send.updateTransfer')).rejects.toMatchObject(failure('invalid_params'));
});
