import { expect, it } from 'vitest';
import { expectLoginNeeded, failure, openSessions, until } from '../harness/sessions.js';
import { hasPeer, openSending } from '../harness/transfers.js';

const sessions = openSessions();
const sending = openSending(sessions);

it('ends a waiting transfer', async () => {
  const user = await sessions.as('user');
  const { transferId } = await sending.waitingTransfer();
  const cancelled = await user.call('send.cancelTransfer', { transferId });
  expect(cancelled).toMatchObject({ status: 'cancelled', processing: false });
  const twice = user.call('send.cancelTransfer', { transferId });
  await expect(twice).rejects.toMatchObject(failure('conflict'));
});

it.skipIf(!hasPeer)(
  'removes unfinished files at the receiver, or keeps them with keepPartial',
  async () => {
    const user = await sessions.as('user');
    const { session, directory } = await sending.receiver();
    const left = async (name: string, more: object) => {
      const destinationPath = `${directory}/${name}`;
      const { transferId } = await sending.slowTransfer({ destinationPath });
      await sending.moving(transferId);
      await user.call('send.cancelTransfer', { transferId, ...more });
      return async (): Promise<number> => {
        const { files } = await session.result<{ files: unknown[] }>('lsAsync', {
          path: destinationPath,
        });
        return files.length;
      };
    };
    const kept = await left('kept', { keepPartial: true });
    const discarded = await left('discarded', {});
    await until('what was discarded is gone', async () => (await discarded()) === 0);
    // Cancelled first, so it would be gone by now.
    expect(await kept()).toBe(1);
  },
  60_000,
);

it('needs a login and an object that exists', async () => {
  await expectLoginNeeded(sessions, 'send.cancelTransfer', { transferId: 'f'.repeat(32) });
  const user = await sessions.as('user');
  await expect(
    user.call('send.cancelTransfer', { transferId: 'f'.repeat(32) }),
  ).rejects.toMatchObject(failure('not_found'));
  await expect(user.call('send.cancelTransfer')).rejects.toMatchObject(failure('invalid_params'));
});
