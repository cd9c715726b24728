import type { ManifestStructure } from '@jetstream/contract';
import { expect, it } from 'vitest';
import { expectLoginNeeded, failure, openSessions } from '../harness/sessions.js';

const sessions = openSessions();

it('waits until a manifest is no longer processing', async () => {
  const user = await sessions.as('user');
  const path = await sessions.scratch();
  const made = await user.call<ManifestStructure>('send.createManifest', {
    mappings: { '/d': path },
  });
  const done = await user.call('send.waitForManifest', { manifestId: made.manifestId });
  expect(done).toMatchObject({ processing: false, status: 'complete', totalFiles: 1 });
});

it('needs a login and an object that exists', async () => {
  await expectLoginNeeded(sessions, 'send.waitForManifest', { manifestId: 'f'.repeat(32) });
  const user = await sessions.as('user');
  await expect(
    user.call('send.waitForManifest', { manifestId: 'f'.repeat(32) }),
  ).rejects.toMatchObject(failure('not_found'));
  await expect(user.call('send.waitForManifest')).rejects.toMatchObject(failure('invalid_params'));
});
