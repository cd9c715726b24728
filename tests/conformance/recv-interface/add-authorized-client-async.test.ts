import { expect, it } from 'vitest';
import { expectSuperuserOnly, failure, openSessions } from '../harness/sessions.js';
import { hasPeer, openSending } from '../harness/transfers.js';

const sessions = openSessions();
const sending = openSending(sessions);

const clientPublicKey = Buffer.alloc(32, 7).toString('base64');

it('adds a key, given as text or as a structure that holds it', async () => {
  const superuser = await sessions.as('superuser');
  const key = { clientPublicKey };
  expect(await superuser.result('recv.addAuthorizedClientAsync', key)).toBeNull();
  const held = { clientPublicKey: key };
  expect(await superuser.result('recv.addAuthorizedClientAsync', held)).toBeNull();
  const listed = await superuser.result<object[]>('recv.getAuthorizedClientsAsync');
  expect(listed.filter((entry) => JSON.stringify(entry) === JSON.stringify(key))).toHaveLength(1);
  await superuser.result('recv.removeAuthorizedClientAsync', key);
});

it.skipIf(!hasPeer)('lets that server send without a token', async () => {
  const user = await sessions.as('user');
  const { publicKey } = await user.call<{ publicKey: string }>('getServerInfo');
  const { session } = await sending.receiver();
  await session.result('recv.addAuthorizedClientAsync', { clientPublicKey: publicKey });
  const { destinationId } = await sending.destination({ destinationToken: null });
  const { transferId } = await sending.transfer({ destinationId });
  expect(await sending.ended(transferId)).toMatchObject({ status: 'complete' });
  await session.result('recv.removeAuthorizedClientAsync', { clientPublicKey: publicKey });
});

it('refuses what is no key', async () => {
  const superuser = await sessions.as('superuser');
  const wrong = superuser.result('recv.addAuthorizedClientAsync', { clientPublicKey: 'short' });
  await expect(wrong).rejects.toMatchObject(failure('invalid_params'));
});

it('is for superusers only', () =>
  expectSuperuserOnly(sessions, 'recv.addAuthorizedClientAsync', { clientPublicKey }));
