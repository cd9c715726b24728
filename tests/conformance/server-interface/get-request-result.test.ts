import { expect, it } from 'vitest';
import { anArray } from '../harness/matchers.js';
import { expectLoginNeeded, failure, openSessions } from '../harness/sessions.js';

const sessions = openSessions();

interface Request {
  readonly requestId: number;
}

it('returns the result of a request named by id or by structure', async () => {
  const user = await sessions.as('user');
  const request = await user.call<Request>('lsRootsAsync');
  const roots = { path: '', files: anArray };
  expect(await user.call('getRequestResult', { requestId: request.requestId })).toMatchObject(
    roots,
  );
  expect(await user.call('getRequestResult', { requestId: request })).toMatchObject(roots);
  const status = await user.call<Request>('getRequestStatus', { requestId: request });
  expect(await user.call('getRequestResult', { requestId: status })).toMatchObject(roots);
});

it('blocks until the result is available', async () => {
  const user = await sessions.as('user');
  const startedMs = performance.now();
  const request = await user.call<Request>('recvDiscoverPacketAsync', { timeoutSeconds: 0.4 });
  const result = user.call('getRequestResult', { requestId: request.requestId });
  await expect(result).rejects.toMatchObject(failure('timeout'));
  expect(performance.now() - startedMs).toBeGreaterThan(390);
});

it('raises the error of a request that has failed, each time it is asked', async () => {
  const user = await sessions.as('user');
  const { requestId } = await user.call<Request>('lsAsync', { path: '/no/such/directory' });
  for (let asked = 0; asked < 2; asked += 1) {
    const result = user.call('getRequestResult', { requestId });
    await expect(result).rejects.toMatchObject(failure('path_not_found'));
  }
});

it('raises for a request that was never issued', async () => {
  const user = await sessions.as('user');
  const result = user.call('getRequestResult', { requestId: 2_000_000_000 });
  await expect(result).rejects.toMatchObject(failure('not_found'));
  const wrong = failure('invalid_params');
  for (const requestId of [0, -1, 1.5, 'one', null]) {
    await expect(user.call('getRequestResult', { requestId })).rejects.toMatchObject(wrong);
  }
});

it('does not find the request of another user', async () => {
  const user = await sessions.as('user');
  const { requestId } = await user.call<Request>('lsRootsAsync');
  const other = await sessions.as('other');
  const result = other.call('getRequestResult', { requestId });
  await expect(result).rejects.toMatchObject(failure('not_found'));
  await expectLoginNeeded(sessions, 'getRequestResult', { requestId });
});

it('lets the result be retrieved in another session, long after the end', async () => {
  const user = await sessions.as('user');
  const { requestId } = await user.call<Request>('lsRootsAsync');
  const first = await user.call('getRequestResult', { requestId });
  const later = await sessions.fresh('user');
  expect(await later.call('getRequestResult', { requestId })).toEqual(first);
});
