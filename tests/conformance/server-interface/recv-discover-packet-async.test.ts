import { expect, it } from 'vitest';
import { aNumber, textLike } from '../harness/matchers.js';
import { expectLoginNeeded, failure, openSessions, target } from '../harness/sessions.js';

const sessions = openSessions();

interface Waiting {
  readonly requestId: number;
  readonly discoverId: string;
}

it('returns a request with a discoverId that is a new one each time', async () => {
  const user = await sessions.as('user');
  const first = await user.call<Waiting>('recvDiscoverPacketAsync', { timeoutSeconds: 5 });
  const second = await user.call<Waiting>('recvDiscoverPacketAsync');
  expect(first).toEqual({
    requestId: aNumber,
    discoverId: textLike(/^.{16,}$/),
  });
  expect(second.discoverId).not.toBe(first.discoverId);
  for (const { requestId } of [first, second]) await user.call('cancelRequest', { requestId });
});

it.skipIf(target.peer === null)('results in the address and port of the sender', async () => {
  const peerPlace = target.peer ?? target;
  const [user, peer] = [await sessions.as('user'), await sessions.peer()];
  const { discoverId, requestId } = await user.call<Waiting>('recvDiscoverPacketAsync', {
    timeoutSeconds: null,
  });
  const sent = peer.result('sendDiscoverPacketAsync', {
    discoverId,
    destinationAddress: target.host,
    destinationPort: target.recvPort,
  });
  expect(await user.call('getRequestResult', { requestId })).toEqual({
    address: peerPlace.host,
    port: peerPlace.recvPort,
  });
  expect(await sent).toEqual({ discoverPacketSent: true });
});

it('raises when no packet came within timeoutSeconds', async () => {
  const user = await sessions.as('user');
  const startedMs = performance.now();
  const waiting = user.result('recvDiscoverPacketAsync', { timeoutSeconds: 0.25 });
  await expect(waiting).rejects.toMatchObject(failure('timeout'));
  expect(performance.now() - startedMs).toBeGreaterThan(200);
});

it('needs a login and a positive number of seconds', async () => {
  await expectLoginNeeded(sessions, 'recvDiscoverPacketAsync');
  const user = await sessions.as('user');
  for (const timeoutSeconds of [0, -1, 'soon']) {
    const attempt = user.call('recvDiscoverPacketAsync', { timeoutSeconds });
    await expect(attempt).rejects.toMatchObject(failure('invalid_params'));
  }
});
