import { afterAll, beforeAll, expect, it } from 'vitest';
import { expectSuperuserOnly, failure, openSessions } from '../harness/sessions.js';

const sessions = openSessions();

interface Settings {
  readonly intervalSeconds: number;
  readonly timeLimitSeconds: number;
}

const update = async (params: object): Promise<Settings> =>
  (await sessions.as('superuser')).call<Settings>('updateGarbageCollectSettings', { ...params });

let original: Settings;
beforeAll(async () => {
  original = await update({});
});
afterAll(async () => {
  await update(original);
});

it('changes the settings and returns them as structure', async () => {
  const wanted = { intervalSeconds: 1234, timeLimitSeconds: 5678 };
  expect(await update(wanted)).toEqual(wanted);
  const superuser = await sessions.as('superuser');
  expect(await superuser.call('getGarbageCollectSettings')).toEqual(wanted);
});

it('leaves unchanged what is absent or null', async () => {
  await update({ intervalSeconds: 1000, timeLimitSeconds: 2000 });
  const both = { intervalSeconds: 1000, timeLimitSeconds: 2000 };
  expect(await update({})).toEqual(both);
  expect(await update({ intervalSeconds: null, timeLimitSeconds: null })).toEqual(both);
  expect(await update({ timeLimitSeconds: 3000 })).toEqual({ ...both, timeLimitSeconds: 3000 });
});

it('takes the whole documented range', async () => {
  const most = 2_147_483_647;
  expect(await update({ intervalSeconds: 60 })).toMatchObject({ intervalSeconds: 60 });
  expect(await update({ intervalSeconds: most })).toMatchObject({ intervalSeconds: most });
  expect(await update({ timeLimitSeconds: most })).toMatchObject({ timeLimitSeconds: most });
  expect(await update({ timeLimitSeconds: 0 })).toMatchObject({ timeLimitSeconds: 0 });
});

it('refuses what is out of range and changes nothing', async () => {
  const before = await update({});
  for (const params of [
    { intervalSeconds: 59 },
    { intervalSeconds: 2_147_483_648 },
    { timeLimitSeconds: -1 },
    { timeLimitSeconds: 2_147_483_648 },
    { intervalSeconds: 100, timeLimitSeconds: 1.5 },
  ]) {
    const attempt = expect(update(params), JSON.stringify(params));
    await attempt.rejects.toMatchObject(failure('invalid_params'));
  }
  expect(await update({})).toEqual(before);
});

it('is for superusers only', () => expectSuperuserOnly(sessions, 'updateGarbageCollectSettings'));
