import { expect, it } from 'vitest';
import { expectSuperuserOnly, failure, openSessions } from '../harness/sessions.js';
import { hasPeer, openSending } from '../harness/transfers.js';

const sessions = openSessions();
const sending = openSending(sessions);

const METHOD = 'recv.allowOnlyAuthorizedClientsAsync';

it.skipIf(!hasPeer)('refuses servers that are not listed, whatever token they have', async () => {
  const { session } = await sending.receiver();
  await session.result(METHOD, { onlyAuthorizedClientsAllowed: true });
  try {
    const info = await session.call('getServerInfo');
    expect(info).toMatchObject({ receiver: { onlyAuthorizedClientsAllowed: true } });
    const { transferId } = await sending.transfer();
    const ended = await sending.ended(transferId);
    expect(ended).toMatchObject({ status: 'error', errorCode: 'peer_refused' });
  } finally {
    await session.result(METHOD, { onlyAuthorizedClientsAllowed: false });
  }
  const { transferId } = await sending.transfer();
  expect(await sending.ended(transferId)).toMatchObject({ status: 'complete' });
});

it('needs its parameter', async () => {
  const superuser = await sessions.as('superuser');
  await expect(superuser.call(METHOD)).rejects.toMatchObject(failure('invalid_params'));
});

it('is for superusers only', () =>
  expectSuperuserOnly(sessions, METHOD, { onlyAuthorizedClientsAllowed: false }));
