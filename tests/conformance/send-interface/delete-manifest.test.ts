import { expect, it } from 'vitest';
import { expectLoginNeeded, failure, openSessions } from '../harness/sessions.js';
import { openSending } from '../harness/transfers.js';

const sessions = openSessions();
const sending = openSending(sessions);

it('deletes a manifest and returns null', async () => {
  const user = await sessions.as('user');
  const { manifestId } = await sending.manifest();
  expect(await user.call('send.deleteManifest', { manifestId })).toBeNull();
  const gone = user.call('send.getManifest', { manifestId });
  await expect(gone).rejects.toMatchObject(failure('not_found'));
});

it('refuses while a transfer that has not ended uses it', async () => {
  const user = await sessions.as('user');
  const { manifestId, transferId } = await sending.waitingTransfer();
  const inUse = user.call('send.deleteManifest', { manifestId });
  await expect(inUse).rejects.toMatchObject(failure('conflict'));
  await user.call('send.cancelTransfer', { transferId });
  expect(await user.call('send.deleteManifest', { manifestId })).toBeNull();
});

it('needs a login and an object that exists', async () => {
  await expectLoginNeeded(sessions, 'send.deleteManifest', { manifestId: 'f'.repeat(32) });
  const user = await sessions.as('user');
  await expect(
    user.call('send.deleteManifest', { manifestId: 'f'.repeat(32) }),
  ).rejects.toMatchObject(failure('not_found'));
  await expect(user.call('send.deleteManifest')).rejects.toMatchObject(failure('invalid_params'));
});
