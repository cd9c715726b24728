/** Attacks on tokens: scopes that are wider than they look, and tokens that outlive themselves. */
import { describe, expect, it } from 'vitest';
import { anyFailure, failure, openSessions, target } from '../conformance/harness/sessions.js';
import { hasPeer, openSending } from '../conformance/harness/transfers.js';

const sessions = openSessions();
const sending = openSending(sessions);

const names = (listing: { files: { name: string }[] }): string[] =>
  listing.files.map(({ name }) => name).sort();

describe('attack 3, File Browser GHSA-mr74-928f-rw69: a share of a directory is rooted there', () => {
  it('siblings and the parent cannot be named', async () => {
    const user = await sessions.as('user');
    const scratch = await sessions.scratch();
    for (const name of ['shared/own', 'sibling/secret']) {
      await user.result('mkdirAsync', { path: `${scratch}/${name}` });
    }
    const { token } = await user.call<{ token: string }>('createAPIToken', {
      path: `${scratch}/shared`,
    });
    const guest = await sessions.loginByToken(token);
    expect(names(await guest.result('lsAsync', { path: '/' }))).toEqual(['own']);
    for (const path of ['/..', '/../sibling', '/sibling', `${scratch}/sibling`, scratch]) {
      const listing = guest.result('lsAsync', { path });
      await expect(listing, path).rejects.toMatchObject(anyFailure);
    }
    const roots = await guest.result<{ files: { name: string }[] }>('lsRootsAsync');
    expect(JSON.stringify(roots)).not.toContain('sibling');
  });
});

describe('attack 4, File Browser GHSA-j9jx-hp4c-ghhh: rules hold for the real path', () => {
  it('a token inside a sandbox is narrowed by both, whatever the path looks like from inside', async () => {
    const superuser = await sessions.as('superuser');
    const scratch = await sessions.scratch();
    const { userName } = target.other;
    const user = await sessions.as('user');
    await user.result('mkdirAsync', { path: `${scratch}/box/open/deep` });
    await user.result('mkdirAsync', { path: `${scratch}/box/closed` });
    await superuser.call('setSandboxMapping', {
      userName,
      sandboxRoots: { '': `${scratch}/box` },
    });
    try {
      const boxed = await sessions.fresh('other');
      const { token } = await boxed.call<{ token: string }>('createAPIToken', {
        path: '/open',
        permissions: 16,
      });
      const guest = await sessions.loginByToken(token);
      expect(names(await guest.result('lsAsync', { path: '/' }))).toEqual(['deep']);
      for (const path of ['/open', '/closed', '/box/closed', `${scratch}/box/closed`]) {
        await expect(guest.result('lsAsync', { path }), path).rejects.toMatchObject(anyFailure);
      }
      const making = guest.result('mkdirAsync', { path: '/deep/new' });
      await expect(making).rejects.toMatchObject(failure('permission_denied'));
    } finally {
      await superuser.call('deleteSandboxMapping', { userName });
    }
  });
});

describe('attack 5, File Browser GHSA-3q2p-72cj-682c: no share of what does not exist yet', () => {
  it('a token for a missing path is refused', async () => {
    const user = await sessions.as('user');
    const scratch = await sessions.scratch();
    const path = `${scratch}/later`;
    await expect(user.call('createAPIToken', { path })).rejects.toMatchObject(anyFailure);
    await user.result('mkFileAsync', { path: `${scratch}/file`, size: 1 });
    const ofFile = user.call('createAPIToken', { path: `${scratch}/file` });
    await expect(ofFile).rejects.toMatchObject(anyFailure);
  });
});

describe('attack 14, File Browser #5216: a login can be taken back while it is in use', () => {
  it('the next call of each open session is refused, its subscriptions fall silent', async () => {
    const user = await sessions.as('user');
    const { token } = await user.call<{ token: string }>('createAPIToken');
    const both = [await sessions.loginByToken(token), await sessions.loginByToken(token)];
    for (const guest of both) await guest.call('subscribe', { topics: ['events'] });
    await user.call('deleteAPIToken', { token });
    for (const guest of both) {
      await expect(guest.call('echo')).rejects.toMatchObject(failure('not_authenticated'));
      const work = guest.call('lsAsync', { path: '/' });
      await expect(work).rejects.toMatchObject(failure('not_authenticated'));
    }
  });

  it.skipIf(!hasPeer)('the next offer of files with it is refused, whoever kept it', async () => {
    const { session: receiver, directory } = await sending.receiver();
    const { token } = await receiver.call<{ token: string }>('createAPIToken', { permissions: 2 });
    const { destinationId } = await sending.destination({ destinationToken: token });
    const destinationPath = `${directory}/by-token`;
    const before = await sending.transfer({ destinationId, destinationPath });
    expect((await sending.ended(before.transferId)).status).toBe('complete');
    await receiver.call('deleteAPIToken', { token });
    const after = await sending.transfer({ destinationId, destinationPath });
    const { status, errorMessage } = await sending.ended(after.transferId);
    expect([status, errorMessage]).toEqual(['error', expect.stringContaining('token')]);
  });

  it.skipIf(!hasPeer)('files on their way are refused once it has expired', async () => {
    const { session: receiver, directory } = await sending.receiver();
    const { token } = await receiver.call<{ token: string }>('createAPIToken', { permissions: 2 });
    const { destinationId } = await sending.destination({ destinationToken: token });
    const destinationPath = `${directory}/until-expiry`;
    const { transferId } = await sending.slowTransfer({ destinationId, destinationPath });
    await sending.moving(transferId);
    await receiver.call('updateAPIToken', { token, timeLimitSeconds: 1 });
    // It would take a minute.
    const { status, errorMessage, bytesDurable, totalBytes } = await sending.ended(transferId);
    expect([status, errorMessage]).toEqual(['error', expect.stringContaining('taken back')]);
    expect(bytesDurable).toBeLessThan(totalBytes ?? 0);
  });

  it('a wrangler whose right is taken back is a user from the next call on', async () => {
    const superuser = await sessions.as('superuser');
    const wrangler = await sessions.fresh('wrangler');
    const { users } = await superuser.call<{ users: { id: string; name: string }[] }>(
      'getWranglers',
    );
    const entry = users.find(({ name }) => name === target.wrangler.userName);
    await superuser.call('deleteWrangler', { identifier: entry?.id });
    const again = wrangler.call('wrangler');
    await expect(again).rejects.toMatchObject(failure('permission_denied'));
  });
});
