/**
 * Built-in users without an account of the machine, on a server that root has started: they work as
 * the server's account for files, which the kernel keeps out of the server's state and of everybody
 * else's files, and their sandboxes keep them apart from each other.
 */
import { execFileSync } from 'node:child_process';
import { readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Api } from '@jetstream/client';
import { CommandError, PERMISSIONS } from '@jetstream/contract';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LOOPBACK, type ServerProcess } from '../../scripts/server-process.js';
import {
  ALICE,
  agentsOf,
  FILES_ACCOUNT,
  gidOf,
  giveTo,
  loginAs,
  loginAsBuiltIn,
  openRootLab,
  password,
  privateDirectory,
  SERVER_ACCOUNT,
  startAsRoot,
  uidOf,
} from './root-lab.js';

const lab = openRootLab();
let server: ServerProcess;
let boss: Api;

const codeOf = (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => 'no error',
    (error: unknown) => (error instanceof CommandError ? error.code : String(error)),
  );

/** A new built-in user with a sandbox, which is a directory of the account for files by default. */
const guestIn = async (name: string, root = privateDirectory(lab, FILES_ACCOUNT, name)) => {
  await boss.server.setSandboxMapping(name, { '': root });
  return { api: await loginAsBuiltIn(lab, server, name), root };
};

beforeAll(async () => {
  server = await startAsRoot(lab, 'paris');
  // Whoever runs the server is its superuser, and reaches no files.
  boss = await lab.login(server);
  await boss.server.superuser();
});

afterAll(() => lab[Symbol.asyncDispose]());

describe('a built-in user without an account', () => {
  test('works inside its sandbox as the account for files', async () => {
    const { api, root } = await guestIn('guest');
    await api.server.mkdir('/d');
    await api.server.mkFile('/d/f', 1000);
    const { uid, gid } = statSync(join(root, 'd/f'));
    expect({ uid, gid }).toEqual({ uid: uidOf(FILES_ACCOUNT), gid: gidOf(FILES_ACCOUNT) });
    expect((await api.server.ls('/d')).files.map(({ name }) => name)).toEqual(['f']);
    await api.server.mv('/d/f', '/g');
    await api.server.rm('/d');
    expect(readdirSync(root)).toEqual(['g']);
  });

  test('is served by an agent that is nothing but that account', async () => {
    const { api } = await guestIn('served');
    await api.server.ls('/');
    const [agent] = agentsOf(server, FILES_ACCOUNT);
    const uid = String(uidOf(FILES_ACCOUNT));
    expect(uid).not.toBe(String(uidOf(SERVER_ACCOUNT)));
    expect(agent?.status.get('Uid')?.split('\t')).toEqual([uid, uid, uid, uid]);
    expect(agent?.status.get('Groups')?.trim()).toBe(String(gidOf(FILES_ACCOUNT)));
    expect(agent?.status.get('CapEff')).toBe('0'.repeat(16));
    expect(agent?.status.get('NoNewPrivs')).toBe('1');
  });

  test('reaches no files without a sandbox, nor with the whole file system for one', async () => {
    const open = await loginAsBuiltIn(lab, server, 'open');
    expect((await open.server.lsRoots()).files).toEqual([]);
    expect(await codeOf(open.server.ls('/tmp'))).not.toBe('no error');
    await boss.server.setSandboxMapping('open', false);
    const again = await loginAsBuiltIn(lab, server, 'opened');
    await boss.server.setSandboxMapping('opened', false);
    expect(await codeOf(again.server.ls('/tmp'))).not.toBe('no error');
    expect(await codeOf(again.server.mkFile('/tmp/jstroot-file', 1))).not.toBe('no error');
  });

  test('is kept by the kernel from the state, from keys and from other accounts, whatever its sandbox', async () => {
    // Even a superuser's mistake opens nothing that belongs to somebody.
    const { api } = await guestIn('wide', '/');
    const denied = 'permission_denied';
    const { stateDir } = server;
    expect((await api.server.ls('/')).files.length).toBeGreaterThan(0);
    for (const path of [stateDir, `${stateDir}.granted`, '/root', join('/home', ALICE)]) {
      expect(await codeOf(api.server.ls(path)), path).toBe(denied);
      expect(await codeOf(api.server.mkFile(join(path, 'x'), 1)), path).toBe(denied);
      expect(await codeOf(api.server.createAPIToken({ path })), path).toBe(denied);
    }
    for (const name of readdirSync(stateDir)) {
      const path = join(stateDir, name);
      expect(await codeOf(api.server.ls(path, { calculateHashType: 'MD5' })), path).toBe(denied);
      expect(await codeOf(api.server.rm(path)), path).toBe(denied);
      expect(await codeOf(api.server.mv(path, '/tmp/jstroot-stolen')), path).toBe(denied);
    }
    const manifest = await api.send.createManifest({ mappings: { '/': stateDir } });
    const made = await api.send.waitForManifest(manifest, { timeoutSeconds: 30 });
    expect(made).toMatchObject({ status: 'error' });
    expect(made.errorMessage).toContain('permission denied');
  });

  test('is led out of its sandbox by no link', async () => {
    const { api, root } = await guestIn('linked');
    const own = privateDirectory(lab, ALICE, 'of-alice');
    for (const [name, to] of [
      ['state', server.stateDir],
      ['alice', own],
      ['up', '..'],
    ] as const) {
      symlinkSync(to, join(root, name));
      const inside = `/${name}/${name === 'state' ? 'identity.key' : 'guest'}`;
      expect(await codeOf(api.server.ls(inside)), name).not.toBe('no error');
      expect(await codeOf(api.server.mkFile(`/${name}/x`, 1)), name).not.toBe('no error');
    }
    expect(readdirSync(own)).toEqual([]);
  });

  test('sees and changes nothing of another one', async () => {
    const [first, second] = [await guestIn('first'), await guestIn('second')];
    writeFileSync(join(second.root, 'secret'), 'of the second');
    giveTo(second.root, FILES_ACCOUNT);
    for (const path of ['/secret', '/../second/secret', join(second.root, 'secret')]) {
      expect(await codeOf(first.api.server.ls(path)), path).toMatch(/^path_(invalid|not_found)$/);
      expect(await codeOf(first.api.server.rm(path)), path).not.toBe('no error');
    }
    expect(readdirSync(second.root)).toEqual(['secret']);
  });

  test('receives files by its token', async () => {
    const { api, root } = await guestIn('receiver');
    const { token } = await api.server.createAPIToken({ permissions: PERMISSIONS.UPLOAD });
    const alice = await loginAs(lab, server, ALICE);
    const source = privateDirectory(lab, ALICE, 'sent');
    writeFileSync(join(source, 'f'), 'content');
    giveTo(source, ALICE);
    const manifest = await alice.send.createManifest({ mappings: { '/f': join(source, 'f') } });
    await alice.send.waitForManifest(manifest, { timeoutSeconds: 30 });
    const destination = await alice.send.createDestination(LOOPBACK, {
      destinationPort: server.ready.recvPort,
      destinationToken: token,
    });
    const { transferId } = await alice.send.createTransfer(manifest, destination);
    const ended = await alice.send.waitForTransfer(transferId, { timeoutSeconds: 60 });
    expect(ended.status).toBe('complete');
    expect(statSync(join(root, 'f')).uid).toBe(uidOf(FILES_ACCOUNT));
  });
});

describe('the account for files', () => {
  test('is nobody who could log in', async () => {
    for (const name of [FILES_ACCOUNT, SERVER_ACCOUNT]) {
      const api = lab.client(server);
      await api.connect();
      expect(await codeOf(api.server.auth(name, password)), name).toBe('auth_failed');
    }
  });

  test('is out of use within a minute after root has expired it', async () => {
    const { api } = await guestIn('expired');
    await api.server.ls('/');
    execFileSync('usermod', ['--expiredate', '2001-01-01', FILES_ACCOUNT]);
    try {
      let code = 'no error';
      for (const end = performance.now() + 60_000; performance.now() < end; ) {
        code = await codeOf(api.server.ls('/'));
        if (code !== 'no error') break;
        await new Promise((resolve) => setTimeout(resolve, 500));
      }
      expect(code).toBe('permission_denied');
      expect(agentsOf(server, FILES_ACCOUNT)).toEqual([]);
    } finally {
      execFileSync('usermod', ['--expiredate', '', FILES_ACCOUNT]);
    }
  }, 120_000);

  test('must not be the one of the server', async () => {
    const start = startAsRoot(lab, 'refused', [`--files-account=${SERVER_ACCOUNT}`]);
    await expect(start).rejects.toThrow('files-account');
  });
});
