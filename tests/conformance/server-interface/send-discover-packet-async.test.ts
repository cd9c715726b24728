import { expect, it } from 'vitest';
import { expectLoginNeeded, failure, openSessions, target } from '../harness/sessions.js';

const sessions = openSessions();

const ID = '0123456789abcdef0123456789abcdef';
const somewhere = {
  discoverId: ID,
  destinationAddress: target.host,
  destinationPort: target.recvPort,
};

it('says that the packet was sent, whether or not anybody waits for it', async () => {
  const user = await sessions.as('user');
  expect(await user.result('sendDiscoverPacketAsync', somewhere)).toEqual({
    discoverPacketSent: true,
  });
});

it('sends to port 8886 without a port', async () => {
  const user = await sessions.as('user');
  const { discoverId, destinationAddress } = somewhere;
  for (const more of [{}, { destinationPort: null }]) {
    const params = { discoverId, destinationAddress, ...more };
    expect(await user.result('sendDiscoverPacketAsync', params)).toEqual({
      discoverPacketSent: true,
    });
  }
});

it.skipIf(target.peer === null)('makes an id good for one discovery only', async () => {
  const [user, peer] = [await sessions.as('user'), await sessions.peer()];
  const { discoverId, requestId } = await user.call<{ discoverId: string; requestId: number }>(
    'recvDiscoverPacketAsync',
    { timeoutSeconds: 10 },
  );
  await peer.result('sendDiscoverPacketAsync', { ...somewhere, discoverId });
  const found = await user.call('getRequestResult', { requestId });
  // The same id from elsewhere no longer changes anything.
  await user.result('sendDiscoverPacketAsync', { ...somewhere, discoverId });
  expect(await user.call('getRequestResult', { requestId })).toEqual(found);
});

it('needs a login, an id and an address', async () => {
  await expectLoginNeeded(sessions, 'sendDiscoverPacketAsync', somewhere);
  const user = await sessions.as('user');
  for (const change of [
    { discoverId: null },
    { discoverId: 'short' },
    { destinationAddress: null },
    { destinationAddress: '' },
    { destinationPort: 0 },
    { destinationPort: 65_536 },
  ]) {
    const attempt = user.call('sendDiscoverPacketAsync', { ...somewhere, ...change });
    await expect(attempt).rejects.toMatchObject(failure('invalid_params'));
  }
});

it('raises when the name of the destination leads nowhere', async () => {
  const user = await sessions.as('user');
  const attempt = user.result('sendDiscoverPacketAsync', {
    ...somewhere,
    destinationAddress: 'no-such-host.invalid',
  });
  await expect(attempt).rejects.toMatchObject(failure('destination_unreachable'));
});
