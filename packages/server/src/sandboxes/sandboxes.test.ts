import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type LabSocket, ServerLab } from '../server-lab.conformance.js';

const lab = new ServerLab();
const disk = mkdtempSync(join(tmpdir(), 'sandboxes-'));
let admin: LabSocket;

const set = (userName: string, sandboxRoots: unknown) =>
  admin.call('setSandboxMapping', { userName, sandboxRoots } as never);
const namesIn = async (session: LabSocket, path: string): Promise<string[]> => {
  const listing = (await session.finish('lsAsync', { path })) as { files: { name: string }[] };
  return listing.files.map(({ name }) => name).sort();
};
const rootNames = async (session: LabSocket): Promise<string[]> => {
  const listing = (await session.finish('lsRootsAsync')) as { files: { name: string }[] };
  return listing.files.map(({ name }) => name).sort();
};
const sandboxed = async (session: LabSocket) => (await session.call('getServerInfo')).sandboxed;

beforeAll(async () => {
  await lab.start();
  for (const name of ['ann', 'bob', 'cid']) await lab.addUser(name);
  for (const name of ['ann', 'bob', 'media', 'docs']) {
    mkdirSync(join(disk, name));
    writeFileSync(join(disk, name, `file-of-${name}`), name);
  }
  admin = await lab.connectLocal();
  await admin.call('superuser');
}, 30_000);
afterAll(async () => {
  await lab.dispose();
  rmSync(disk, { recursive: true });
});

describe('sandbox mappings', () => {
  test('only a superuser sees and changes them', async () => {
    const ann = await lab.connectUser('ann');
    const params = { userName: 'ann', sandboxRoots: false };
    expect((await ann.fail('setSandboxMapping', params)).code).toBe('permission_denied');
    expect((await ann.fail('getSandboxMappings')).code).toBe('permission_denied');
    expect((await ann.fail('deleteSandboxMapping', { userName: 'ann' })).code).toBe(
      'permission_denied',
    );
    expect(await admin.call('getSandboxMappings')).toEqual({});
  });

  test('reach new sessions only, and calls over HTTP at once', async () => {
    const before = await lab.connectUser('ann');
    const authorization = `Basic ${Buffer.from('ann:ann-password').toString('base64')}`;
    const overHttp = async (): Promise<unknown> => {
      const answer = await lab.http('/api/getServerInfo', { headers: { authorization } });
      return (answer.json as { sandboxed: unknown }).sandboxed;
    };
    expect(await overHttp()).toBe(false);
    await set('ann', { '': join(disk, 'ann') });
    expect(await sandboxed(before)).toBe(false);
    expect(await namesIn(before, disk)).toContain('bob');
    const after = await lab.connectUser('ann');
    expect(await sandboxed(after)).toBe(true);
    expect(await namesIn(after, '/')).toEqual(['file-of-ann']);
    expect(await overHttp()).toBe(true);
    await before.call('auth', { userName: 'ann', password: 'ann-password' });
    expect(await sandboxed(before)).toBe(true);
  });

  test('named roots are listed, and reached as name:path by every file method', async () => {
    const media = join(disk, 'media');
    await set('bob', { media, 'My docs': { type: 'File', path: `${join(disk, 'docs')}/` } });
    expect((await admin.call('getSandboxMappings'))['bob']).toEqual({
      media,
      'My docs': join(disk, 'docs'),
    });
    const bob = await lab.connectUser('bob');
    expect(await rootNames(bob)).toEqual(['My docs', 'media']);
    expect(await namesIn(bob, 'media:')).toEqual(['file-of-media']);
    await bob.finish('mkdirAsync', { path: 'My docs:/new/er' });
    expect(await namesIn(bob, 'My docs:/new')).toEqual(['er']);
    await bob.finish('rmAsync', { path: 'My docs:new/' });
    expect(await namesIn(bob, 'My docs:/')).toEqual(['file-of-docs']);
    for (const path of ['/', disk, 'other:/', 'MEDIA:/']) {
      expect((await bob.fail('lsAsync', { path })).code).toBe('path_not_found');
    }
    expect((await bob.fail('lsAsync', { path: 'media:../docs' })).code).toBe('path_invalid');
  });

  test('the system sandbox is for users without one of their own; false is no sandbox', async () => {
    await set('', { '': `${disk}/%u` });
    const cid = await lab.connectUser('cid');
    expect(await sandboxed(cid)).toBe(true);
    expect((await cid.finishFailing('lsAsync', { path: '/' })).code).toBe('path_not_found');
    expect(await namesIn(await lab.connectUser('ann'), '/')).toEqual(['file-of-ann']);
    await set('cid', false);
    expect((await admin.call('getSandboxMappings'))['cid']).toBe(false);
    expect(await sandboxed(await lab.connectUser('cid'))).toBe(false);
    await admin.call('deleteSandboxMapping', { userName: 'bob' });
    const bob = await lab.connectUser('bob');
    expect(await namesIn(bob, '/')).toEqual(['file-of-bob']);
    expect(await rootNames(bob)).toEqual(['/']);
  });

  test('attack 6: names of users that differ in case only are one', async () => {
    await set('CID', { '': join(disk, 'docs') });
    const all = await admin.call('getSandboxMappings');
    expect(Object.keys(all).filter((name) => /cid/i.test(name))).toEqual(['CID']);
    expect(await namesIn(await lab.connectUser('cid'), '/')).toEqual(['file-of-docs']);
    await admin.call('deleteSandboxMapping', { userName: 'cid' });
    const gone = await admin.fail('deleteSandboxMapping', { userName: 'CID' });
    expect(gone.code).toBe('not_found');
  });

  test('attack 6: two names whose links lead to one directory are refused', async () => {
    symlinkSync(join(disk, 'docs'), join(disk, 'link'));
    const roots = { a: join(disk, 'docs'), b: join(disk, 'link') };
    const error = await admin.fail('setSandboxMapping', { userName: 'cid', sandboxRoots: roots });
    expect(error).toMatchObject({ code: 'path_invalid' });
    expect(error.message).toContain('same root');
  });

  test('what is refused changes nothing', async () => {
    const before = await admin.call('getSandboxMappings');
    const cases: [unknown, string][] = [
      [{ userName: 'ann', sandboxRoots: {} }, 'invalid_params'],
      [{ userName: 'ann', sandboxRoots: { '': '' } }, 'path_invalid'],
      [{ userName: 'ann', sandboxRoots: { 'a:b': '/x' } }, 'invalid_params'],
      [{ userName: 'ann', sandboxRoots: { a: { type: 'S3', bucketName: 'x' } } }, 'invalid_params'],
      [{ userName: 'ann', sandboxRoots: true }, 'invalid_params'],
      [{ userName: 'ann', sandboxRoots: { a: 7 } }, 'invalid_params'],
      [{ userName: 'ann', sandboxRoots: { a: null } }, 'invalid_params'],
      [{ userName: 'ann' }, 'invalid_params'],
      [{ userName: '../ann', sandboxRoots: false }, 'invalid_params'],
      [{ userName: '', sandboxRoots: { '': '/home/%z' } }, 'path_invalid'],
      [{ userName: null, sandboxRoots: false }, 'invalid_params'],
    ];
    for (const [params, code] of cases) {
      expect((await admin.fail('setSandboxMapping', params)).code, JSON.stringify(params)).toBe(
        code,
      );
    }
    expect((await admin.fail('deleteSandboxMapping', { userName: 'nobody' })).code).toBe(
      'not_found',
    );
    expect(await admin.call('getSandboxMappings')).toEqual(before);
  });

  test('survive a restart', async () => {
    const before = await admin.call('getSandboxMappings');
    expect(Object.keys(before).sort()).toEqual(['', 'ann']);
    await lab.stop();
    await lab.start();
    admin = await lab.connectLocal();
    await admin.call('superuser');
    expect(await admin.call('getSandboxMappings')).toEqual(before);
    expect(await namesIn(await lab.connectUser('ann'), '/')).toEqual(['file-of-ann']);
  });

  test('--sandbox-dir is the system sandbox, and then nobody changes it', async () => {
    await lab.stop();
    await lab.start({ sandboxDir: `${disk}/media/` });
    admin = await lab.connectLocal();
    await admin.call('superuser');
    expect((await admin.call('getSandboxMappings'))['']).toEqual({ '': `${disk}/media/` });
    expect(await namesIn(await lab.connectUser('bob'), '/')).toEqual(['file-of-media']);
    expect(await namesIn(await lab.connectUser('ann'), '/')).toEqual(['file-of-ann']);
    const params = { userName: '', sandboxRoots: false };
    expect((await admin.fail('setSandboxMapping', params)).code).toBe('conflict');
    expect((await admin.fail('deleteSandboxMapping', { userName: '' })).code).toBe('conflict');
    await lab.stop();
    await lab.start();
    admin = await lab.connectLocal();
    await admin.call('superuser');
    expect((await admin.call('getSandboxMappings'))['']).toEqual({ '': `${disk}/%u` });
  });
});

describe('attack 4 (GHSA-j9jx-hp4c-ghhh): sandbox, token path and links composed', () => {
  test('every border is that of the real path', async () => {
    const base = join(disk, 'ann', 'share');
    mkdirSync(join(base, 'inner'), { recursive: true });
    symlinkSync('../../file-of-ann', join(base, 'inner', 'up'));
    symlinkSync('..', join(base, 'parent'));
    symlinkSync('/etc', join(base, 'etc'));
    symlinkSync('inner', join(base, 'inside'));
    await set('ann', { home: join(disk, 'ann'), docs: join(disk, 'docs') });
    const ann = await lab.connectUser('ann');
    const { token, path } = await ann.call('createAPIToken', { path: 'home:share/' });
    expect(path).toBe('home:/share');
    const session = await lab.connect();
    await session.call('authToken', { token });
    expect(await rootNames(session)).toEqual(['/']);
    expect(await namesIn(session, '/')).toEqual(['etc', 'inner', 'inside', 'parent']);
    // A link itself is shown; nothing is reached through one that leads out, and rm ends at it.
    for (const path of ['/parent/file-of-ann', '/etc/passwd', '/parent/share/inner']) {
      expect((await session.finishFailing('lsAsync', { path })).code, path).toBe('path_invalid');
    }
    expect((await session.finishFailing('mkdirAsync', { path: '/parent/new' })).code).toBe(
      'path_invalid',
    );
    await session.finish('rmAsync', { path: '/parent' });
    expect(await namesIn(await lab.connectUser('ann'), 'home:/')).toContain('file-of-ann');
    // Names of the owner's roots mean nothing inside: they are ordinary names of files.
    for (const path of ['home:/share', 'docs:/', 'home:']) {
      expect((await session.finishFailing('lsAsync', { path })).code).toBe('path_not_found');
    }
    await set('ann', { docs: join(disk, 'docs') });
    const later = await lab.connect();
    expect((await later.fail('authToken', { token })).code).toBe('auth_failed');
  });
});
