import { expect, it } from 'vitest';
import { expectLoginNeeded, failure, openSessions, target } from '../harness/sessions.js';

const sessions = openSessions();

const makeManifest = async (): Promise<{ manifestId: string }> => {
  const user = await sessions.as('user');
  const { manifestId } = await user.call<{ manifestId: string }>('send.createManifest', {
    mappings: { '/x': target.directory },
  });
  await user.call('send.waitForManifest', { manifestId });
  return { manifestId };
};

it('elevates a session of a wrangler and returns null', async () => {
  const superuser = await sessions.as('superuser');
  await superuser.call('addWranglerAsync', { name: target.wrangler.userName });
  const session = await sessions.login(target.wrangler);
  const manifest = await makeManifest();
  await expect(session.call('send.getManifest', manifest)).rejects.toMatchObject(
    failure('not_found'),
  );
  expect(await session.call('wrangler')).toBeNull();
  expect(await session.call('send.getManifest', manifest)).toMatchObject(manifest);
});

it('lets all data be seen and changed, whoever owns it', async () => {
  const wrangler = await sessions.as('wrangler');
  const user = await sessions.as('user');
  const manifest = await makeManifest();
  const all = await wrangler.call<{ manifestId: string }[]>('send.getManifests');
  expect(all.map(({ manifestId }) => manifestId)).toContain(manifest.manifestId);
  await wrangler.call('send.deleteManifest', manifest);
  await expect(user.call('send.getManifest', manifest)).rejects.toMatchObject(failure('not_found'));
});

it('gives no access to admin functions', async () => {
  const wrangler = await sessions.as('wrangler');
  const attempt = wrangler.call('getSandboxMappings');
  await expect(attempt).rejects.toMatchObject(failure('permission_denied'));
});

it('raises for a user who was not granted it, and for tokens', async () => {
  await expectLoginNeeded(sessions, 'wrangler');
  const denied = failure('permission_denied');
  for (const role of ['user', 'token'] as const) {
    const session = await sessions.fresh(role);
    await expect(session.call('wrangler'), role).rejects.toMatchObject(denied);
  }
});

it('is granted to superusers always', async () => {
  const session = await sessions.login(target.superuser);
  expect(await session.call('wrangler')).toBeNull();
});
