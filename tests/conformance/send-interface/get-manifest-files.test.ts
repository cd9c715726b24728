import type { ManifestFilesStructure, ManifestStructure } from '@jetstream/contract';
import { expect, it } from 'vitest';
import { aNumber } from '../harness/matchers.js';
import { expectLoginNeeded, failure, openSessions } from '../harness/sessions.js';
import { openSending } from '../harness/transfers.js';

const sessions = openSessions();
const sending = openSending(sessions);

it('returns the file mappings with the keys of the page', async () => {
  const user = await sessions.as('user');
  const path = await sessions.scratch();
  await user.result('mkdirAsync', { path: `${path}/empty` });
  await user.result('mkFileAsync', { path: `${path}/file`, size: 9 });
  const mappings = { '/d': path };
  const { manifestId } = await user.call<ManifestStructure>('send.createManifest', { mappings });
  await user.call('send.waitForManifest', { manifestId });
  const files = await user.call<ManifestFilesStructure>('send.getManifestFiles', { manifestId });
  expect(files.manifestId).toBe(manifestId);
  const sorted = [...files.fileMappings].sort((a, b) => a.destPath.localeCompare(b.destPath));
  expect(sorted).toMatchObject([
    { srcPath: `${path}/empty`, destPath: '/d/empty', fileSize: 0, isEmptyDir: true },
    { srcPath: `${path}/file`, destPath: '/d/file', fileSize: 9, isEmptyDir: false },
  ]);
  expect(sorted[1]).toMatchObject({ executable: false, modificationTime: aNumber });
});

it('goes on from nextOffset', async () => {
  const user = await sessions.as('user');
  const path = await sessions.scratch();
  for (const name of ['a', 'b', 'c']) {
    await user.result('mkFileAsync', { path: `${path}/${name}`, size: 1 });
  }
  const mappings = { '/d': path };
  const { manifestId } = await user.call<ManifestStructure>('send.createManifest', { mappings });
  await user.call('send.waitForManifest', { manifestId });
  const names: string[] = [];
  for (let offset: number | null = 0; offset !== null; ) {
    const page: ManifestFilesStructure = await user.call('send.getManifestFiles', {
      ...{ manifestId, offset, limit: 2 },
    });
    names.push(...page.fileMappings.map(({ destPath }) => destPath));
    offset = page.nextOffset;
  }
  expect(names.sort()).toEqual(['/d/a', '/d/b', '/d/c']);
});

it('shows nothing of it to other users, everything to wranglers and superusers', async () => {
  const { manifestId } = await sending.manifest();
  const params = { manifestId };
  const other = await sessions.as('other');
  await expect(other.call('send.getManifestFiles', params)).rejects.toMatchObject(
    failure('not_found'),
  );
  const token = await sessions.as('token');
  await expect(token.call('send.getManifestFiles', params)).rejects.toMatchObject(
    failure('not_found'),
  );
  for (const role of ['wrangler', 'superuser'] as const) {
    const session = await sessions.as(role);
    await expect(session.call('send.getManifestFiles', params), role).resolves.toBeDefined();
  }
});

it('needs a login and an object that exists', async () => {
  await expectLoginNeeded(sessions, 'send.getManifestFiles', { manifestId: 'f'.repeat(32) });
  const user = await sessions.as('user');
  await expect(
    user.call('send.getManifestFiles', { manifestId: 'f'.repeat(32) }),
  ).rejects.toMatchObject(failure('not_found'));
  await expect(user.call('send.getManifestFiles')).rejects.toMatchObject(failure('invalid_params'));
});
