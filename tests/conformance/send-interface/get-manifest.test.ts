import type { ManifestStructure } from '@jetstream/contract';
import { expect, it } from 'vitest';
import { expectLoginNeeded, failure, openSessions } from '../harness/sessions.js';
import { openSending } from '../harness/transfers.js';

const sessions = openSessions();
const sending = openSending(sessions);

it('returns the state of a manifest, by id or by structure', async () => {
  const user = await sessions.as('user');
  const made = await sending.manifest(123);
  const shown = await user.call<ManifestStructure>('send.getManifest', {
    manifestId: made.manifestId,
  });
  expect(shown).toMatchObject({ status: 'complete', totalFiles: 1, totalSize: 123 });
  expect(await user.call('send.getManifest', { manifestId: made })).toEqual(shown);
});

it('shows nothing of it to other users, everything to wranglers and superusers', async () => {
  const { manifestId } = await sending.manifest();
  const params = { manifestId };
  const other = await sessions.as('other');
  await expect(other.call('send.getManifest', params)).rejects.toMatchObject(failure('not_found'));
  const token = await sessions.as('token');
  await expect(token.call('send.getManifest', params)).rejects.toMatchObject(failure('not_found'));
  for (const role of ['wrangler', 'superuser'] as const) {
    const session = await sessions.as(role);
    await expect(session.call('send.getManifest', params), role).resolves.toBeDefined();
  }
});

it('needs a login and an object that exists', async () => {
  await expectLoginNeeded(sessions, 'send.getManifest', { manifestId: 'f'.repeat(32) });
  const user = await sessions.as('user');
  await expect(user.call('send.getManifest', { manifestId: 'f'.repeat(32) })).rejects.toMatchObject(
    failure('not_found'),
  );
  await expect(user.call('send.getManifest')).rejects.toMatchObject(failure('invalid_params'));
});
