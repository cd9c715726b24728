import type { TransferStructure } from '@jetstream/contract';
import { expect, it } from 'vitest';
import { expectLoginNeeded, failure, openSessions } from '../harness/sessions.js';
import { hasPeer, openSending } from '../harness/transfers.js';

const sessions = openSessions();
const sending = openSending(sessions);

it('returns the state of a transfer, by id or by structure', async () => {
  const user = await sessions.as('user');
  const made = await sending.waitingTransfer();
  const { transferId } = made;
  const shown = await user.call<TransferStructure>('send.getTransfer', { transferId });
  expect(shown).toMatchObject({ transferId, processing: true });
  const again = await user.call('send.getTransfer', { transferId: made });
  expect(again).toMatchObject({ transferId });
});

it.skipIf(!hasPeer)('counts blocks, bytes and packets while it runs', async () => {
  const { transferId } = await sending.slowTransfer();
  const moving = await sending.moving(transferId);
  expect(moving).toMatchObject({ status: 'active', totalBlocks: 262_144 });
  expect(moving.blocksAcked).toBeGreaterThan(0);
  expect(moving.packetsSent).toBeGreaterThan(0);
  expect(moving.bytesSent).toBeGreaterThan(0);
  expect(moving.queueTime).not.toBeNull();
  expect(moving.startTime).not.toBeNull();
});

it('shows nothing of it to other users, everything to wranglers and superusers', async () => {
  const { transferId } = await sending.waitingTransfer();
  const params = { transferId };
  const other = await sessions.as('other');
  await expect(other.call('send.getTransfer', params)).rejects.toMatchObject(failure('not_found'));
  const token = await sessions.as('token');
  await expect(token.call('send.getTransfer', params)).rejects.toMatchObject(failure('not_found'));
  for (const role of ['wrangler', 'superuser'] as const) {
    const session = await sessions.as(role);
    await expect(session.call('send.getTransfer', params), role).resolves.toBeDefined();
  }
});

it('needs a login and an object that exists', async () => {
  await expectLoginNeeded(sessions, 'send.getTransfer', { transferId: 'f'.repeat(32) });
  const user = await sessions.as('user');
  await expect(user.call('send.getTransfer', { transferId: 'f'.repeat(32) })).rejects.toMatchObject(
    failure('not_found'),
  );
  await expect(user.call('send.getTransfer')).rejects.toMatchObject(failure('invalid_params'));
});
