import { expect, it } from 'vitest';
import { expectLoginNeeded, failure, openSessions } from '../harness/sessions.js';

const sessions = openSessions();

it('returns null after the number of milliseconds', async () => {
  const user = await sessions.as('user');
  const startedMs = performance.now();
  expect(await user.call('sleep', { milliseconds: 300 })).toBeNull();
  expect(performance.now() - startedMs).toBeGreaterThanOrEqual(299);
  expect(await user.call('sleep', { milliseconds: 0 })).toBeNull();
});

it('lets the other calls of the session go on', async () => {
  const user = await sessions.as('user');
  const order: string[] = [];
  const asleep = user.call('sleep', { milliseconds: 300 }).then(() => order.push('sleep'));
  await user.call('echo').then(() => order.push('echo'));
  await asleep;
  expect(order).toEqual(['echo', 'sleep']);
});

it('needs a login and a number that is not negative', async () => {
  await expectLoginNeeded(sessions, 'sleep', { milliseconds: 1 });
  const user = await sessions.as('user');
  const wrong = failure('invalid_params');
  await expect(user.call('sleep')).rejects.toMatchObject(wrong);
  for (const milliseconds of [-1, '5', null]) {
    await expect(user.call('sleep', { milliseconds })).rejects.toMatchObject(wrong);
  }
});
