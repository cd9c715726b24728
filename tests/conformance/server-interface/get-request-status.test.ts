import { expect, it } from 'vitest';
import { textLike } from '../harness/matchers.js';
import { expectLoginNeeded, failure, openSessions, until } from '../harness/sessions.js';

const sessions = openSessions();

interface Status {
  readonly requestId: number;
  readonly status: string;
  readonly processing: boolean;
}

it('is pending at once while the request runs', async () => {
  const user = await sessions.as('user');
  const request = await user.call<Status>('recvDiscoverPacketAsync', { timeoutSeconds: 20 });
  const { requestId } = request;
  expect(await user.call('getRequestStatus', { requestId })).toMatchObject({
    requestId,
    status: 'pending',
    processing: true,
    errorMessage: '',
  });
  await user.call('cancelRequest', { requestId });
});

it('is success when the request has succeeded, by id or by structure', async () => {
  const user = await sessions.as('user');
  const request = await user.call<Status>('lsRootsAsync');
  await user.call('getRequestResult', { requestId: request });
  const { requestId } = request;
  const done = { requestId, status: 'success', processing: false, errorMessage: '' };
  expect(await user.call('getRequestStatus', { requestId })).toMatchObject(done);
  expect(await user.call('getRequestStatus', { requestId: request })).toMatchObject(done);
});

it('is error with a message that describes it when the request has failed', async () => {
  const user = await sessions.as('user');
  const { requestId } = await user.call<Status>('lsAsync', { path: '/no/such/directory' });
  const statusOf = (): Promise<Status> => user.call('getRequestStatus', { requestId });
  await until('the request ends', async () => !(await statusOf()).processing);
  expect(await statusOf()).toMatchObject({
    status: 'error',
    errorMessage: textLike(/no.such.directory/),
  });
});

it('serves to poll until the end', async () => {
  const user = await sessions.as('user');
  const { requestId } = await user.call<Status>('lsAsync', { path: '/' });
  const seen = new Set<string>();
  await until('the request ends', async () => {
    const { status } = await user.call<Status>('getRequestStatus', { requestId });
    seen.add(status);
    return status !== 'pending';
  });
  expect([...seen].at(-1)).toBe('success');
});

it('raises for a request that was never issued or belongs to somebody else', async () => {
  const [user, other] = [await sessions.as('user'), await sessions.as('other')];
  const { requestId } = await user.call<Status>('lsRootsAsync');
  const unknown = failure('not_found');
  await expect(other.call('getRequestStatus', { requestId })).rejects.toMatchObject(unknown);
  const never = user.call('getRequestStatus', { requestId: 2_000_000_000 });
  await expect(never).rejects.toMatchObject(unknown);
  await expectLoginNeeded(sessions, 'getRequestStatus', { requestId });
});
