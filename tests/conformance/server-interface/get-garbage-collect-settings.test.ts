import { expect, it } from 'vitest';
import { aNumber } from '../harness/matchers.js';
import { expectSuperuserOnly, openSessions } from '../harness/sessions.js';

const sessions = openSessions();

it('returns the garbage collect structure, as server info shows it', async () => {
  const superuser = await sessions.as('superuser');
  const settings = await superuser.call('getGarbageCollectSettings');
  expect(settings).toEqual({
    intervalSeconds: aNumber,
    timeLimitSeconds: aNumber,
  });
  expect(await superuser.call('getServerInfo')).toMatchObject({
    configuration: { garbageCollect: settings },
  });
});

it('is for superusers only', () => expectSuperuserOnly(sessions, 'getGarbageCollectSettings'));
