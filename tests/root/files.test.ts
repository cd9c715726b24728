/** What two accounts can and cannot do with each other's files on one server. */
import { chmodSync, chownSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Api } from '@jetstream/client';
import { CommandError, PERMISSIONS } from '@jetstream/contract';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ServerProcess } from '../../scripts/server-process.js';
import {
  ALICE,
  BOB,
  EXPIRED,
  GROUP,
  gidOf,
  groupIdOf,
  LOCKED,
  loginAs,
  openRootLab,
  password,
  privateDirectory,
  startAsRoot,
  uidOf,
} from './root-lab.js';

const lab = openRootLab();
let server: ServerProcess;
let alice: Api;
let bob: Api;
let own = '';
let theirs = '';

/** Code of the error that a call ends with. */
const codeOf = async (call: Promise<unknown>): Promise<string> => {
  try {
    await call;
    return 'no error';
  } catch (error) {
    return error instanceof CommandError ? error.code : String(error);
  }
};

beforeAll(async () => {
  server = await startAsRoot(lab, 'paris');
  alice = await loginAs(lab, server, ALICE);
  bob = await loginAs(lab, server, BOB);
  own = privateDirectory(lab, ALICE, 'of-alice');
  theirs = privateDirectory(lab, BOB, 'of-bob');
  await bob.server.mkFile(join(theirs, 'secret'), 1000);
});

afterAll(() => lab[Symbol.asyncDispose]());

describe('logins', () => {
  const attempt = async (user: string, secret: string): Promise<string> => {
    const api = lab.client(server);
    await api.connect();
    return codeOf(api.server.auth(user, secret));
  };

  test('the right password is taken, a wrong one is not', async () => {
    expect(await attempt(ALICE, password)).toBe('no error');
    expect(await attempt(ALICE, `${password}x`)).toBe('auth_failed');
    expect(await attempt(ALICE, ' ')).toBe('auth_failed');
  });

  test('locked, expired, unknown and system accounts get one answer', async () => {
    for (const user of [LOCKED, EXPIRED, 'jstroot-nobody', 'root', 'daemon', '-u', 'a\nb']) {
      expect(await attempt(user, password), user).toBe('auth_failed');
    }
  });

  test('server info names the account, which sees the whole file system', async () => {
    const { userName, sandboxed } = await alice.server.getServerInfo();
    expect({ userName, sandboxed }).toEqual({ userName: ALICE, sandboxed: false });
  });
});

describe('files of one account', () => {
  test('what is made belongs to it', async () => {
    await alice.server.mkdir(join(own, 'made/deep'));
    await alice.server.mkFile(join(own, 'made/file'), 5000);
    for (const name of ['made', 'made/deep', 'made/file']) {
      const { uid, gid } = statSync(join(own, name));
      expect({ uid, gid }, name).toEqual({ uid: uidOf(ALICE), gid: gidOf(ALICE) });
    }
  });

  test('listing with hashes, moving, adding up and removing work', async () => {
    await alice.server.mkdir(join(own, 'work'));
    writeFileSync(join(own, 'work/f'), 'content');
    const listing = await alice.server.ls(join(own, 'work'), { calculateHashType: 'MD5' });
    expect(listing.files.map(({ name, hash }) => ({ name, hash }))).toEqual([
      { name: 'f', hash: '9a0364b9e99bb480dd25e1f0284c8555' },
    ]);
    await alice.server.mv(join(own, 'work/f'), join(own, 'work/g'));
    expect(readFileSync(join(own, 'work/g'), 'utf8')).toBe('content');
    await alice.server.rm(join(own, 'work'));
    expect(existsSync(join(own, 'work'))).toBe(false);
  });

  test('its groups count', async () => {
    const shared = privateDirectory(lab, BOB, 'of-group');
    chownSync(shared, uidOf(BOB), groupIdOf(GROUP));
    chmodSync(shared, 0o770);
    await alice.server.mkFile(join(shared, 'by-alice'), 1);
    expect(statSync(join(shared, 'by-alice')).uid).toBe(uidOf(ALICE));
  });
});

describe('files of another account', () => {
  const denied = 'permission_denied';

  test('cannot be listed, hashed, moved, removed or written', async () => {
    const secret = join(theirs, 'secret');
    expect(await codeOf(alice.server.ls(theirs))).toBe(denied);
    expect(await codeOf(alice.server.ls(secret, { calculateHashType: 'MD5' }))).toBe(denied);
    expect(await codeOf(alice.server.rm(secret))).toBe(denied);
    expect(await codeOf(alice.server.rm(theirs))).toBe(denied);
    expect(await codeOf(alice.server.mv(secret, join(own, 'stolen')))).toBe(denied);
    expect(await codeOf(alice.server.mkdir(join(theirs, 'mine')))).toBe(denied);
    expect(await codeOf(alice.server.mkFile(join(theirs, 'mine'), 1))).toBe(denied);
    expect(statSync(secret).size).toBe(1000);
  });

  test('cannot become a manifest, nor the path of a token', async () => {
    const manifest = await alice.send.createManifest({ mappings: { '/': theirs } });
    const made = await alice.send.waitForManifest(manifest, { timeoutSeconds: 30 });
    expect(made.status).toBe('error');
    expect(made.errorMessage).toContain('permission denied');
    const token = { permissions: PERMISSIONS.UPLOAD, path: theirs };
    expect(await codeOf(alice.server.createAPIToken(token))).toBe(denied);
  });

  test('the files of the server are not for users', async () => {
    expect(await codeOf(alice.server.ls(server.stateDir))).toBe(denied);
    expect(await codeOf(alice.server.ls('/root'))).toBe(denied);
    expect(await codeOf(alice.server.ls(join(server.stateDir, '../state.granted')))).toBe(denied);
  });
});
