import { expect, it } from 'vitest';
import { expectLoginNeeded, failure, openSessions, target } from '../harness/sessions.js';

const sessions = openSessions();

const makeToken = async (): Promise<{ token: string }> =>
  (await sessions.as('user')).call<{ token: string }>('createAPIToken');

it('deletes a token given as text or as structure, and returns null', async () => {
  const user = await sessions.as('user');
  const [first, second] = [await makeToken(), await makeToken()];
  await expect(user.call('deleteAPIToken', { token: first.token })).resolves.toBeNull();
  await expect(user.call('deleteAPIToken', { token: second })).resolves.toBeNull();
  for (const { token } of [first, second]) {
    await expect(user.call('getAPIToken', { token })).rejects.toMatchObject(failure('not_found'));
    await expect(sessions.loginByToken(token)).rejects.toMatchObject(failure('auth_failed'));
  }
});

it('raises when the token was not found', async () => {
  const user = await sessions.as('user');
  const { token } = await makeToken();
  await user.call('deleteAPIToken', { token });
  const again = user.call('deleteAPIToken', { token });
  await expect(again).rejects.toMatchObject(failure('not_found'));
  const never = user.call('deleteAPIToken', { token: 'js1.never.made' });
  await expect(never).rejects.toMatchObject(failure('not_found'));
});

it('does not find the token of another user', async () => {
  const other = await sessions.as('other');
  const { token } = await makeToken();
  const attempt = other.call('deleteAPIToken', { token });
  await expect(attempt).rejects.toMatchObject(failure('not_found'));
  await sessions.loginByToken(token);
});

it('deletes a token in use: its sessions are over at once', async () => {
  const user = await sessions.as('user');
  const { token } = await makeToken();
  const session = await sessions.loginByToken(token);
  await session.call('echo');
  await user.call('deleteAPIToken', { token });
  await expect(session.call('echo')).rejects.toMatchObject(failure('not_authenticated'));
});

it.skipIf(target.peer === null)('lets an active transfer of the token go on', async () => {
  const peerPlace = target.peer ?? target;
  const [user, peer] = [await sessions.as('user'), await sessions.peer()];
  const { token } = await makeToken();
  const session = await sessions.loginByToken(token);
  const scratch = await sessions.scratch();
  const size = 4_000_000;
  await user.result('mkFileAsync', { path: `${scratch}/big`, size, fillRandom: true });
  const upload = await peer.call<{ token: string }>('createAPIToken', { permissions: 2 });
  const { manifestId } = await session.call<{ manifestId: string }>('send.createManifest', {
    mappings: { '/big': `${scratch}/big` },
  });
  await session.call('send.waitForManifest', { manifestId });
  const { destinationId } = await session.call<{ destinationId: string }>(
    'send.createDestination',
    {
      destinationAddress: peerPlace.host,
      destinationPort: peerPlace.recvPort,
      destinationToken: upload.token,
      sendRateMax: 16_000,
    },
  );
  const { transferId } = await session.call<{ transferId: string }>('send.createTransfer', {
    manifestId,
    destinationId,
    destinationPath: `${scratch}/delivered`,
  });

  await user.call('deleteAPIToken', { token });

  await expect(
    user.call('send.waitForTransfer', { transferId, timeoutSeconds: 25 }),
  ).resolves.toMatchObject({ status: 'complete', bytesDurable: size });
});

it('is not open to tokens', async () => {
  const { token } = await makeToken();
  await expectLoginNeeded(sessions, 'deleteAPIToken', { token });
  const session = await sessions.as('token');
  await expect(session.call('deleteAPIToken', { token })).rejects.toMatchObject(
    failure('permission_denied'),
  );
});
