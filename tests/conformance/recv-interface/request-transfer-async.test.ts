import type { TransferStructure } from '@jetstream/contract';
import { expect, it } from 'vitest';
import { expectLoginNeeded, failure, openSessions, target } from '../harness/sessions.js';
import { hasPeer, openSending } from '../harness/transfers.js';

const sessions = openSessions();
const sending = openSending(sessions);

/** A file at the second server, and how to ask for it. */
const wishFor = async (size: number): Promise<Record<string, unknown>> => {
  const { session, directory, publicKey } = await sending.receiver();
  const path = `${directory}/source-${size}.bin`;
  await session.result('mkFileAsync', { path, size });
  const { peer } = target;
  return {
    ...{ remoteAddress: peer?.host, remotePort: peer?.apiPort, remotePublicKey: publicKey },
    ...{ ...peer?.superuser, mappings: { '/pulled.bin': path } },
    ...{ destinationPath: await sessions.scratch(), ownAddress: target.host },
  };
};

it.skipIf(!hasPeer)('has another server send files here; the result is its transfer', async () => {
  const user = await sessions.as('user');
  const wish = await wishFor(5000);
  const done = await user.result<TransferStructure>('recv.requestTransferAsync', wish);
  expect(done).toMatchObject({ status: 'complete', totalBytes: 5000 });
  const listing = await user.result('lsAsync', { path: wish['destinationPath'] });
  expect(listing).toMatchObject({ files: [{ name: 'pulled.bin', size: 5000 }] });
});

it.skipIf(!hasPeer)('passes on the errors of the other server by their names', async () => {
  const user = await sessions.as('user');
  const wish = await wishFor(10);
  const refused = async (change: object, code: string): Promise<void> => {
    const attempt = user.result('recv.requestTransferAsync', { ...wish, ...change });
    await expect(attempt, JSON.stringify(change)).rejects.toMatchObject(failure(code));
  };
  await refused({ password: 'wrong' }, 'auth_failed');
  await refused({ mappings: { '/a': '/no such file' } }, 'manifest_not_ready');
  await refused({ destinationPath: '/no such directory' }, 'path_not_found');
  await refused({ remotePort: 9 }, 'destination_unreachable');
});

it.skipIf(!hasPeer)('sends no password to a server that shows another key', async () => {
  const user = await sessions.as('user');
  const remotePublicKey = Buffer.alloc(32, 3).toString('base64');
  const wish = { ...(await wishFor(10)), remotePublicKey };
  const attempt = user.result('recv.requestTransferAsync', wish);
  await expect(attempt).rejects.toMatchObject(failure('peer_identity_mismatch'));
});

it('needs a login as a user, and one way to log in there', async () => {
  const params = { remoteAddress: '127.0.0.1', mappings: {}, destinationPath: '/' };
  await expectLoginNeeded(sessions, 'recv.requestTransferAsync', params);
  const token = await sessions.as('token');
  const refused = token.call('recv.requestTransferAsync', params);
  await expect(refused).rejects.toMatchObject(failure('permission_denied'));
  const user = await sessions.as('user');
  const vague = user.result('recv.requestTransferAsync', params);
  await expect(vague).rejects.toMatchObject(failure('invalid_params'));
});
