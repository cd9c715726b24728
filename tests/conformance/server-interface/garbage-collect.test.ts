import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  expectSuperuserOnly,
  failure,
  openSessions,
  type Session,
  target,
} from '../harness/sessions.js';

const sessions = openSessions();

const makeManifest = async (user: Session): Promise<{ manifestId: string }> => {
  const { manifestId } = await user.call<{ manifestId: string }>('send.createManifest', {
    mappings: { '/x': target.directory },
  });
  await user.call('send.waitForManifest', { manifestId });
  return { manifestId };
};

let settings: Readonly<Record<string, number>>;
beforeAll(async () => {
  const superuser = await sessions.as('superuser');
  settings = await superuser.call('getGarbageCollectSettings');
  await superuser.call('updateGarbageCollectSettings', { timeLimitSeconds: 3600 });
});
afterAll(async () => {
  const superuser = await sessions.as('superuser');
  await superuser.call('updateGarbageCollectSettings', settings);
});

it('collects at once, and keeps what is within the grace period', async () => {
  const [user, superuser] = [await sessions.as('user'), await sessions.as('superuser')];
  const manifest = await makeManifest(user);
  const counts = await superuser.call<Record<string, number>>('garbageCollect');
  for (const count of Object.values(counts)) expect(count).toBeGreaterThanOrEqual(0);
  expect(await user.call('send.getManifest', manifest)).toMatchObject(manifest);
});

it('takes null and false for an absent force', async () => {
  const [user, superuser] = [await sessions.as('user'), await sessions.as('superuser')];
  const manifest = await makeManifest(user);
  await superuser.call('garbageCollect', { force: null });
  await superuser.call('garbageCollect', { force: false });
  expect(await user.call('send.getManifest', manifest)).toMatchObject(manifest);
});

it('disregards the grace period with force', async () => {
  const [user, superuser] = [await sessions.as('user'), await sessions.as('superuser')];
  const manifest = await makeManifest(user);
  await superuser.call('garbageCollect', { force: true });
  await expect(user.call('send.getManifest', manifest)).rejects.toMatchObject(failure('not_found'));
});

it('discards at once when the grace period is 0', async () => {
  const [user, superuser] = [await sessions.as('user'), await sessions.as('superuser')];
  const manifest = await makeManifest(user);
  await superuser.call('updateGarbageCollectSettings', { timeLimitSeconds: 0 });
  await superuser.call('garbageCollect');
  await superuser.call('updateGarbageCollectSettings', { timeLimitSeconds: 3600 });
  await expect(user.call('send.getManifest', manifest)).rejects.toMatchObject(failure('not_found'));
});

it('is for superusers only', () => expectSuperuserOnly(sessions, 'garbageCollect'));
