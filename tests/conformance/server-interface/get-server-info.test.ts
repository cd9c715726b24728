import { expect, it } from 'vitest';
import { aNumber, anObject, textLike } from '../harness/matchers.js';
import { failure, openSessions, target } from '../harness/sessions.js';

const sessions = openSessions();

const PUBLIC_KEYS = [
  'allowRemoteControl',
  'apiControlPort',
  'apiVersion',
  'APITokensAvailable',
  'authRequired',
  'bandwidthLimits',
  'certificateValidation',
  'encryptionAvailable',
  'eventLogAvailable',
  'hostName',
  'license',
  'minCipher',
  'multiplexAvailable',
  'publicKey',
  'receiver',
  'revision',
  'serverExternalAddress',
  'serverId',
  'serverName',
  'version',
];

it('needs no login and holds the documented keys', async () => {
  const nobody = await sessions.as('nobody');
  const info = await nobody.call<Record<string, unknown>>('getServerInfo');
  for (const key of PUBLIC_KEYS) expect(info, key).toHaveProperty(key);
  expect(info).toMatchObject({
    apiControlPort: target.apiPort,
    apiVersion: aNumber,
    authRequired: true,
    serverName: textLike(/./),
    tokenSession: null,
  });
});

it('shows the bandwidth limits under the names that update them', async () => {
  const user = await sessions.as('user');
  const info = await user.call<{ bandwidthLimits: object }>('getServerInfo');
  expect(Object.keys(info.bandwidthLimits)).toEqual(
    expect.arrayContaining([
      'incomingLimitActive',
      'incomingRateLimit',
      'incomingMaxConnections',
      'borrowOutgoing',
      'outgoingLimitActive',
      'outgoingRateLimit',
      'borrowIncoming',
    ]),
  );
});

it('shows the configuration to superusers only', async () => {
  const [user, superuser] = [await sessions.as('user'), await sessions.as('superuser')];
  expect(await user.call('getServerInfo')).toMatchObject({ configuration: null });
  expect(await superuser.call('getServerInfo')).toMatchObject({
    configuration: anObject,
  });
});

it('takes no parameters', async () => {
  const nobody = await sessions.as('nobody');
  const attempt = nobody.call('getServerInfo', { verbose: true });
  await expect(attempt).rejects.toMatchObject(failure('invalid_params'));
});
