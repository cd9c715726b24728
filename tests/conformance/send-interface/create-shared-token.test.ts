import { expect, it } from 'vitest';
import { aNumber, aString } from '../harness/matchers.js';
import { expectLoginNeeded, failure, openSessions, target } from '../harness/sessions.js';
import { makeManifest, type SharedToken, shareAsUser } from '../harness/shared-tokens.js';

const sessions = openSessions();

it('returns a token structure with the documented keys', async () => {
  const token = await shareAsUser(sessions, {
    description: 'Footage',
    timeLimitSeconds: 3600,
    password: 'sesame',
    downloadLimit: 5,
  });
  expect(token).toEqual({
    token: aString,
    description: 'Footage',
    creationTime: aNumber,
    expiryTime: token.creationTime + 3600e6,
    passwordRequired: true,
    permissions: 1,
    manifestId: aString,
    downloadCount: 0,
    downloadLimit: 5,
    owner: target.user.userName,
    ownerToken: null,
    ownerTokenSession: null,
    userData: {},
  });
});

it('takes a manifest alone, by id or by structure', async () => {
  const user = await sessions.as('user');
  const manifestId = await makeManifest(sessions, user);
  const structure = await user.call('send.getManifest', { manifestId });
  for (const given of [manifestId, structure]) {
    const token = await user.call('send.createSharedToken', { manifestId: given });
    expect(token).toMatchObject({ manifestId, expiryTime: null, downloadLimit: null });
  }
});

it('logs in whoever has it, to read the manifest and nothing else', async () => {
  const shared = await shareAsUser(sessions);
  const { manifestId } = shared;
  const guest = await sessions.loginByToken(shared.token);
  await expect(guest.call('send.getManifest', { manifestId })).resolves.toMatchObject({
    status: 'complete',
    totalSize: 1000,
  });
  await expect(guest.call('send.getManifestFiles', { manifestId })).resolves.toMatchObject({
    fileMappings: [{ destPath: '/shared/file', srcPath: '', fileSize: 1000 }],
  });
  const denied = failure('permission_denied');
  for (const method of ['lsAsync', 'send.getManifests', 'send.createManifest', 'superuser']) {
    await expect(guest.call(method, { path: '/' }), method).rejects.toMatchObject(denied);
  }
});

it('makes transfers of it up to the limit, and counts them', async () => {
  const shared = await shareAsUser(sessions, { downloadLimit: 1 });
  const { manifestId } = shared;
  const guest = await sessions.loginByToken(shared.token);
  const { destinationId } = await guest.call<{ destinationId: string }>('send.createDestination', {
    destinationAddress: target.host,
    destinationPort: 9,
  });
  const make = () =>
    guest.call<{ transferId: string }>('send.createTransfer', { manifestId, destinationId });
  const { transferId } = await make();
  await expect(make()).rejects.toMatchObject(failure('conflict'));
  await guest.call('send.cancelTransfer', { transferId });
  const user = await sessions.as('user');
  const seen = user.call('send.getSharedToken', { token: shared.token });
  await expect(seen).resolves.toMatchObject({ downloadCount: 1 });
  const again = sessions.loginByToken(shared.token);
  await expect(again).rejects.toMatchObject(failure('auth_failed'));
});

it('asks for the password', async () => {
  const { token } = await shareAsUser(sessions, { password: 'sesame' });
  await expect(sessions.loginByToken(token)).rejects.toMatchObject(failure('auth_failed'));
  const wrong = sessions.loginByToken(token, { password: 'wrong' });
  await expect(wrong).rejects.toMatchObject(failure('auth_failed'));
  const right = await sessions.loginByToken(token, { password: 'sesame' });
  await expect(right.call('echo', { text: 'in' })).resolves.toBe('in');
});

it('refuses what is not there, and impossible limits', async () => {
  const user = await sessions.as('user');
  const none = user.call('send.createSharedToken', { manifestId: 'none' });
  await expect(none).rejects.toMatchObject(failure('not_found'));
  const manifestId = await makeManifest(sessions, user);
  for (const params of [{ timeLimitSeconds: 0 }, { downloadLimit: 0 }, { password: '' }]) {
    const made = user.call('send.createSharedToken', { manifestId, ...params });
    await expect(made).rejects.toMatchObject(failure('invalid_params'));
  }
  const other = await sessions.as('other');
  const foreign = other.call('send.createSharedToken', { manifestId });
  await expect(foreign).rejects.toMatchObject(failure('not_found'));
});

it('needs the permission CREATE_LINK of an API token', async () => {
  await expectLoginNeeded(sessions, 'send.createSharedToken', { manifestId: 'none' });
  const user = await sessions.as('user');
  const loginWith = async (permissions: number) =>
    sessions.loginByToken(
      (await user.call<{ token: string }>('createAPIToken', { permissions })).token,
    );
  const without = await loginWith(31 - 8);
  const denied = failure('permission_denied');
  const refused = without.call('send.createSharedToken', { manifestId: 'none' });
  await expect(refused).rejects.toMatchObject(denied);
  const session = await loginWith(31);
  const manifestId = await makeManifest(sessions, session);
  const shared = await session.call<SharedToken>('send.createSharedToken', { manifestId });
  expect(shared).toMatchObject({ ownerToken: aString, ownerTokenSession: aString });
});
