import { expect, it } from 'vitest';
import { expectSuperuserOnly, failure, openSessions } from '../harness/sessions.js';
import { hasPeer, openSending } from '../harness/transfers.js';

const sessions = openSessions();
const sending = openSending(sessions);

const clientPublicKey = Buffer.alloc(32, 7).toString('base64');

it('takes the right back; raises for a key that is not listed', async () => {
  const superuser = await sessions.as('superuser');
  await superuser.result('recv.addAuthorizedClientAsync', { clientPublicKey });
  const remove = () => superuser.result('recv.removeAuthorizedClientAsync', { clientPublicKey });
  expect(await remove()).toBeNull();
  await expect(remove()).rejects.toMatchObject(failure('not_found'));
});

it.skipIf(!hasPeer)('from then on that server is refused without a token', async () => {
  const { destinationId } = await sending.destination({ destinationToken: null });
  const { transferId } = await sending.transfer({ destinationId });
  const ended = await sending.ended(transferId);
  expect(ended).toMatchObject({ status: 'error', errorCode: 'peer_refused' });
});

it('is for superusers only', () =>
  expectSuperuserOnly(sessions, 'recv.removeAuthorizedClientAsync', { clientPublicKey }));
