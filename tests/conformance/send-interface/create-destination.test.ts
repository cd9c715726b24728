import type { DestinationStructure } from '@jetstream/contract';
import { expect, it } from 'vitest';
import { expectLoginNeeded, failure, openSessions } from '../harness/sessions.js';
import { openSending } from '../harness/transfers.js';

const sessions = openSessions();
const sending = openSending(sessions);

it('adds a destination, with the keys of the page', async () => {
  const destination = await sending.nowhere({ destinationPort: 1001, sendRateMax: 100_000 });
  expect(destination).toMatchObject({
    ...{ connectionId: '127.0.0.1:1001', destinationAddress: '127.0.0.1', destinationIP: null },
    ...{ destinationPort: 1001, destinationPublicKey: null, permittedDestinationPublicKey: null },
    ...{ encryptedConnectionState: 'disconnected', encryptionEnabled: true, lastError: null },
    ...{ lastDestinationServerId: null, lastDestinationServerUid: null, lastErrorMessage: null },
    ...{ lastRecvTime: null, lastSendTime: null, numTransfersQueued: 0, sendRateMax: 100_000 },
    ...{ rateControllerActive: true, rateControlMethod: 'fair', relayIP: null, relayPort: null },
    ...{ roundTripTimeMs: null, ownerToken: null, ownerTokenSession: null, userData: {} },
  });
});

it('returns the existing one when the parameters match, another one otherwise', async () => {
  const first = await sending.nowhere({ destinationPort: 1002 });
  const same = await sending.nowhere({ destinationPort: 1002 });
  const faster = await sending.nowhere({ destinationPort: 1002, sendRateMax: 500 });
  expect(same.destinationId).toBe(first.destinationId);
  expect(faster.destinationId).not.toBe(first.destinationId);
  expect(faster.connectionId).toBe(first.connectionId);
  const others = await sending.nowhere({ destinationPort: 1002 }, 'other');
  expect(others.destinationId).not.toBe(first.destinationId);
});

it('uses port 8886 when none is given', async () => {
  const user = await sessions.as('user');
  const params = { destinationAddress: 'receiver01.example' };
  const made = await user.call<DestinationStructure>('send.createDestination', params);
  expect(made).toMatchObject({ destinationId: 'receiver01.example:8886', destinationPort: 8886 });
});

it('needs a login and an address that can be one', async () => {
  const params = { destinationAddress: '127.0.0.1' };
  await expectLoginNeeded(sessions, 'send.createDestination', params);
  const user = await sessions.as('user');
  for (const wrong of [
    {},
    { destinationAddress: 'a b' },
    { ...params, destinationPort: 0 },
    { ...params, destinationPublicKey: 'short' },
    { ...params, rateControlMethod: 'fixed' },
    { ...params, sendRateMax: 0 },
  ]) {
    const attempt = user.call('send.createDestination', wrong);
    await expect(attempt, JSON.stringify(wrong)).rejects.toMatchObject(failure('invalid_params'));
  }
});
