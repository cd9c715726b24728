import type { ManifestFilesStructure, ManifestStructure } from '@jetstream/contract';
import { expect, it } from 'vitest';
import { expectLoginNeeded, failure, openSessions } from '../harness/sessions.js';

const sessions = openSessions();

const scratchFile = async (size = 10): Promise<string> => {
  const user = await sessions.as('user');
  const path = `${await sessions.scratch()}/a.bin`;
  await user.result('mkFileAsync', { path, size });
  return path;
};

it('returns a pending manifest at once, with the keys of the page', async () => {
  const user = await sessions.as('user');
  const mappings = { '/data/a.bin': await scratchFile() };
  const made = await user.call<ManifestStructure>('send.createManifest', { mappings });
  expect(made).toMatchObject({
    ...{ errorMessage: '', processing: true, status: 'pending', totalFiles: null, totalSize: null },
    ...{ userData: {}, ownerToken: null, ownerTokenSession: null },
  });
  expect(made.manifestId).toMatch(/^[0-9a-f]{32}$/);
});

it('takes mappings by destination, and fileMappings as source:destination', async () => {
  const user = await sessions.as('user');
  const path = await scratchFile(77);
  for (const params of [
    { mappings: { '/data/a.bin': path } },
    { fileMappings: `${path}:/data/a.bin` },
    { fileMappings: [{ srcPath: path, destPath: '/data/a.bin' }] },
  ]) {
    const { manifestId } = await user.call<ManifestStructure>('send.createManifest', params);
    const done = await user.call('send.waitForManifest', { manifestId });
    expect(done).toMatchObject({ status: 'complete', totalFiles: 1, totalSize: 77 });
    const { fileMappings } = await user.call<ManifestFilesStructure>('send.getManifestFiles', {
      manifestId,
    });
    expect(fileMappings).toMatchObject([{ srcPath: path, destPath: '/data/a.bin', fileSize: 77 }]);
  }
});

it('ends with an error when there is nothing at a path', async () => {
  const user = await sessions.as('user');
  const mappings = { '/a': `${await sessions.scratch()}/none` };
  const { manifestId } = await user.call<ManifestStructure>('send.createManifest', { mappings });
  const failed = await user.call<ManifestStructure>('send.waitForManifest', { manifestId });
  expect(failed).toMatchObject({ status: 'error', processing: false });
  expect(failed.errorMessage).not.toBe('');
});

it('needs a login and mappings that make sense', async () => {
  await expectLoginNeeded(sessions, 'send.createManifest', { mappings: { '/a': '/a' } });
  const user = await sessions.as('user');
  for (const params of [{}, { mappings: { '/a': 5 } }]) {
    const attempt = user.call('send.createManifest', params);
    await expect(attempt).rejects.toMatchObject(failure('invalid_params'));
  }
  const escaping = user.call('send.createManifest', { mappings: { '/../a': '/tmp' } });
  await expect(escaping).rejects.toMatchObject(failure('path_invalid'));
});
