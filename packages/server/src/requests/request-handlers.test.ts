import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ManualClock } from '../adapters/clock/manual-clock.js';
import { ServerLab } from '../server-lab.conformance.js';

/** Requests as a client sees them, through a whole server. */
const clock = new ManualClock(Date.now() * 1000);
const lab = new ServerLab({ requestTimeLimit: 100 }, clock);
const many = join(lab.stateDir, 'many');
/** More than a result in memory takes: each byte of these names takes six characters of JSON. */
const FILES = 800;
const PREFIX = Buffer.concat([Buffer.from(`${many}/`), Buffer.alloc(240, 0xff)]);
/** Takes seconds to hash and no room on the disk. */
const slow = join(lab.stateDir, 'slow');

beforeAll(async () => {
  await lab.start();
  await lab.addUser('ann');
  await lab.addUser('bob');
  mkdirSync(many);
  for (let at = 0; at < FILES; at += 1) {
    writeFileSync(Buffer.concat([PREFIX, Buffer.from(String(at))]), '');
  }
  writeFileSync(slow, '');
  truncateSync(slow, 8 * 1024 ** 3);
}, 60_000);
afterAll(() => lab.dispose());

test('a result that lies in a file arrives whole over WebSocket and HTTP, in any batch', async () => {
  const session = await lab.connectLocal();
  const { requestId } = await session.call('lsAsync', { path: many });
  const between = session.call('echo', { text: 'between' });
  const listing = (await session.call('getRequestResult', { requestId })) as { files: object[] };
  expect(listing.files).toHaveLength(FILES);
  expect(await between).toBe('between');
  // Replies that come up while the parts are on their way keep their order and shape.
  const both = await Promise.all([
    session.call('getRequestResult', { requestId }),
    session.call('echo', { text: 'a' }),
    session.call('getRequestResult', { requestId }),
    session.call('echo', { text: 'b' }),
  ]);
  expect(both).toEqual([listing, 'a', listing, 'b']);
  expect(await lab.api('getRequestResult', { requestId }, lab.localKey)).toEqual(listing);
  const body = JSON.stringify([
    { jsonrpc: '2.0', id: 1, method: 'getRequestResult', params: { requestId } },
    { jsonrpc: '2.0', id: 2, method: 'echo', params: { text: 'c' } },
  ]);
  const headers = { authorization: `Bearer ${lab.localKey}` };
  const batch = (await lab.http('/rpc', { body, headers })).json as { result: unknown }[];
  expect(batch.map(({ result }) => result)).toEqual([listing, 'c']);
});

test('a running request shows progress and tells those who may see it', async () => {
  const ann = await lab.connectUser('ann');
  const bob = await lab.connectUser('bob');
  for (const session of [ann, bob]) await session.call('subscribe', { topics: ['requests'] });
  const { requestId } = await ann.call('lsAsync', { path: slow, calculateHashType: 'MD5' });
  await ann.until(() => ann.notifications.length > 0);
  await ann.call('cancelRequest', { requestId });
  const ended = () => ann.notifications.some(({ item }) => item['processing'] === false);
  await ann.until(ended);
  const running = ann.notifications.filter(({ item }) => item['processing'] === true);
  expect(running[0]).toMatchObject({ topic: 'requests', item: { requestId } });
  expect(running[0]?.item['progress']).toMatchObject({ entries: 0 });
  expect((await bob.fail('getRequestStatus', { requestId })).code).toBe('not_found');
  expect((await bob.fail('getRequestResult', { requestId })).code).toBe('not_found');
  expect((await bob.fail('cancelRequest', { requestId })).code).toBe('not_found');
  await bob.call('echo');
  expect(bob.notifications).toEqual([]);
  await ann.call('unsubscribe', { topics: ['requests'] });
  const before = ann.notifications.length;
  await ann.finish('mkdirAsync', { path: many });
  expect(ann.notifications).toHaveLength(before);
});

test('cancelRequest stops a running request', async () => {
  const session = await lab.connectUser('ann');
  const { requestId } = await session.call('lsAsync', { path: slow, calculateHashType: 'MD5' });
  await session.call('cancelRequest', { requestId });
  expect((await session.fail('getRequestResult', { requestId })).code).toBe('cancelled');
});

test('errors of requests are those of the work', async () => {
  const session = await lab.connectUser('ann');
  const error = await session.finishFailing('lsAsync', { path: `${many}/none` });
  expect(error.code).toBe('path_not_found');
  expect(error.message).toContain('none');
  expect((await session.finishFailing('rmAsync', { path: '/' })).code).toBe('path_invalid');
  expect((await session.fail('mkdirAsync', { path: '/a/../b' })).code).toBe('path_invalid');
  await session.finish('mkdirAsync', { path: `${many}/new/dir` });
  await session.finish('rmAsync', { path: `${many}/new` });
});

test('getRequestResult gives up at its time limit', async () => {
  const session = await lab.connectUser('ann');
  const { requestId } = await session.call('lsAsync', { path: slow, calculateHashType: 'SHA256' });
  expect((await session.fail('getRequestResult', { requestId, timeoutSeconds: 0 })).code).toBe(
    'timeout',
  );
  await session.call('cancelRequest', { requestId });
});

test('requests survive a restart and expire', async () => {
  const first = await lab.connectUser('ann');
  const { requestId } = await first.call('lsRootsAsync');
  const result = await first.call('getRequestResult', { requestId });
  await lab.stop();
  await lab.start();
  const second = await lab.connectUser('ann');
  expect(await second.call('getRequestResult', { requestId })).toEqual(result);
  // Such a leap looks to the old sessions as if their clients had long been silent.
  clock.advance(161_000);
  const third = await lab.connectUser('ann');
  while ((await third.raw('getRequestStatus', { requestId }))['error'] === undefined) {
    await third.call('echo');
  }
  expect((await third.fail('getRequestResult', { requestId })).code).toBe('not_found');
});
