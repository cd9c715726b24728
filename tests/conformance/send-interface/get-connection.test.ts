import type { ConnectionStructure } from '@jetstream/contract';
import { expect, it } from 'vitest';
import { expectLoginNeeded, failure, openSessions } from '../harness/sessions.js';
import { hasPeer, openSending } from '../harness/transfers.js';

const sessions = openSessions();
const sending = openSending(sessions);

it('returns what the destinations at one address share, with the keys of the page', async () => {
  const user = await sessions.as('user');
  const first = await sending.nowhere({ destinationPort: 1008 });
  const second = await sending.nowhere({ destinationPort: 1008, sendRateMax: 300 });
  const connectionId = '127.0.0.1:1008';
  const shown = await user.call<ConnectionStructure>('send.getConnection', { connectionId });
  expect(shown).toMatchObject({
    ...{ connectionId, destinationIP: null, destinationPort: 1008, destinationPublicKey: null },
    ...{ encryptedConnectionState: 'disconnected', encryptionEnabled: true, lastError: null },
    ...{ lastDestinationServerId: null, lastDestinationServerUid: null, lastErrorMessage: null },
    ...{ lastRecvTime: null, lastSendTime: null, numTransfersQueued: 0, roundTripTimeMs: null },
    ...{ rateControllerActive: true, rateControlMethod: 'fair', relayIP: null, relayPort: null },
  });
  expect(shown.destinationIds).toEqual([first.destinationId, second.destinationId]);
  expect(await user.call('send.getConnection', { connectionId: first })).toEqual(shown);
});

it.skipIf(!hasPeer)('shows the other server once it has answered', async () => {
  const user = await sessions.as('user');
  const { transferId, destinationId } = await sending.transfer();
  await sending.ended(transferId);
  const { publicKey } = await sending.receiver();
  const { connectionId } = await user.call<ConnectionStructure>('send.getDestination', {
    destinationId,
  });
  const shown = await user.call('send.getConnection', { connectionId });
  expect(shown).toMatchObject({ destinationPublicKey: publicKey, lastErrorMessage: null });
});

it('shows nothing of it to other users, everything to wranglers and superusers', async () => {
  await sending.nowhere({ destinationPort: 1009 });
  const params = { connectionId: '127.0.0.1:1009' };
  const other = await sessions.as('other');
  await expect(other.call('send.getConnection', params)).rejects.toMatchObject(
    failure('not_found'),
  );
  const token = await sessions.as('token');
  await expect(token.call('send.getConnection', params)).rejects.toMatchObject(
    failure('not_found'),
  );
  for (const role of ['wrangler', 'superuser'] as const) {
    const session = await sessions.as(role);
    await expect(session.call('send.getConnection', params), role).resolves.toBeDefined();
  }
});

it('needs a login and an object that exists', async () => {
  await expectLoginNeeded(sessions, 'send.getConnection', { connectionId: 'nowhere.example:1' });
  const user = await sessions.as('user');
  await expect(
    user.call('send.getConnection', { connectionId: 'nowhere.example:1' }),
  ).rejects.toMatchObject(failure('not_found'));
  await expect(user.call('send.getConnection')).rejects.toMatchObject(failure('invalid_params'));
});
