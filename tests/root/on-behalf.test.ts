/** What a server that was started as root does on behalf of its users: triggers, links, deliveries. */
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import type { Api } from '@jetstream/client';
import { PERMISSIONS, SYMLINK_PRESERVE } from '@jetstream/contract';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LOOPBACK, type ServerProcess } from '../../scripts/server-process.js';
import {
  ALICE,
  BOB,
  FILES_ACCOUNT,
  GROUP,
  gidOf,
  giveTo,
  groupIdOf,
  loginAs,
  loginAsBuiltIn,
  openRootLab,
  privateDirectory,
  SERVER_ACCOUNT,
  startAsRoot,
  uidOf,
  until,
} from './root-lab.js';

const lab = openRootLab();
let server: ServerProcess;
let alice: Api;
let bob: Api;
const triggers = lab.path('triggers');

/** What a trigger says of itself: who it is, and its arguments. */
const writeTrigger = (name: string): void => {
  const file = join(triggers, name);
  const out = lab.path('told', name);
  writeFileSync(
    file,
    `#!/bin/sh\n{ id -u; id -g; id -G; echo "$1"; echo "$JETSTREAM_OWNER"; } >${out}.$(id -u).new && mv ${out}.$(id -u).new ${out}.$(id -u)\n`,
  );
  chmodSync(file, 0o755);
};

const told = (name: string, account: string): string =>
  `${lab.path('told', name)}.${uidOf(account)}`;

beforeAll(async () => {
  mkdirSync(triggers, { mode: 0o755 });
  mkdirSync(lab.path('told'));
  chmodSync(lab.path('told'), 0o1777);
  for (const name of ['launch', 'directoryCreated', 'fileCreated']) writeTrigger(name);
  server = await startAsRoot(lab, 'paris', [`--trigger-dir=${triggers}`]);
  alice = await loginAs(lab, server, ALICE);
  bob = await loginAs(lab, server, BOB);
});

afterAll(() => lab[Symbol.asyncDispose]());

/** Why triggers have failed, as the superuser reads it: the local key is that of the server. */
const failuresOf = (name: string, of = server): (string | undefined)[] =>
  readFileSync(of.logPath, 'utf8')
    .split('\n')
    .filter((line) => line.includes(`"trigger":"${name}"`))
    .map((line) => (JSON.parse(line) as { msg?: string }).msg)
    .filter((msg) => msg?.startsWith('a trigger has failed'));

const linesOf = (file: string): string[] => readFileSync(file, 'utf8').trimEnd().split('\n');

describe('a trigger', () => {
  test('runs as the account of the owner, with its groups', async () => {
    const path = join(privateDirectory(lab, ALICE, 'triggered'), 'd');
    await alice.server.mkdir(path);
    await until('it has run', () => existsSync(told('directoryCreated', ALICE)));
    const [uid, gid, groups, argument, owner] = linesOf(told('directoryCreated', ALICE));
    expect({ uid, gid, argument, owner }).toEqual({
      uid: String(uidOf(ALICE)),
      gid: String(gidOf(ALICE)),
      argument: path,
      owner: ALICE,
    });
    expect(groups?.split(' ')).toContain(String(groupIdOf(GROUP)));
  });

  test('of what nobody owns runs as the account of the server', async () => {
    await until('it has run', () => existsSync(told('launch', SERVER_ACCOUNT)));
    expect(linesOf(told('launch', SERVER_ACCOUNT))[0]).toBe(String(uidOf(SERVER_ACCOUNT)));
  });

  test('of an owner without an account runs as the account for files', async () => {
    writeTrigger('tokenCreated');
    const guest = await loginAsBuiltIn(lab, server, 'guest');
    await guest.server.createAPIToken({ permissions: PERMISSIONS.UPLOAD });
    await until('it has run', () => existsSync(told('tokenCreated', FILES_ACCOUNT)));
    const [uid, , groups, , owner] = linesOf(told('tokenCreated', FILES_ACCOUNT));
    expect({ uid, owner }).toEqual({ uid: String(uidOf(FILES_ACCOUNT)), owner: 'guest' });
    expect(groups).toBe(String(gidOf(FILES_ACCOUNT)));
  });

  test('is not run for an owner without an account where there is none for files', async () => {
    const other = await startAsRoot(lab, 'rome', ['--files-account=', `--trigger-dir=${triggers}`]);
    const guest = await loginAsBuiltIn(lab, other, 'guest');
    await guest.server.createAPIToken({ permissions: PERMISSIONS.UPLOAD });
    await until('it was refused', () => failuresOf('tokenCreated', other).length > 0);
    expect(failuresOf('tokenCreated', other)[0]).toContain('no account of the operating system');
  });

  test('that others than root could change is not run as anybody', async () => {
    writeTrigger('fileCreated');
    // The server takes its own files, the monitor only those of root.
    chownSync(join(triggers, 'fileCreated'), uidOf(SERVER_ACCOUNT), gidOf(SERVER_ACCOUNT));
    await bob.server.mkFile(join(privateDirectory(lab, BOB, 'untriggered'), 'f'), 1);
    await until('it was refused', () => failuresOf('fileCreated').length > 0);
    expect(failuresOf('fileCreated')[0]).toContain(`user id ${uidOf(SERVER_ACCOUNT)}, expected 0`);
    expect(existsSync(told('fileCreated', BOB))).toBe(false);
  });
});

const get = (path: string): Promise<{ status: number; body: string }> =>
  new Promise((resolve, reject) => {
    const place = { host: LOOPBACK, port: server.ready.apiPort, path };
    const sent = request({ ...place, rejectUnauthorized: false, agent: false }, (answer) => {
      let body = '';
      answer.setEncoding('utf8').on('data', (part: string) => {
        body += part;
      });
      answer.on('error', reject);
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body }));
    });
    sent.on('error', reject);
    sent.end();
  });

describe('a download link', () => {
  const share = async (file: string): Promise<string> => {
    const manifest = await alice.send.createManifest({ mappings: { '/f.txt': file } });
    await alice.send.waitForManifest(manifest, { timeoutSeconds: 30 });
    return `/d/${(await alice.send.createSharedToken(manifest)).token}`;
  };

  test('reads as its owner, and only what the owner may read at that moment', async () => {
    const own = privateDirectory(lab, ALICE, 'shared');
    const file = join(own, 'f.txt');
    writeFileSync(file, 'of alice', { mode: 0o600 });
    giveTo(file, ALICE);
    const path = await share(file);
    expect(await get(`${path}/file/0`)).toEqual({ status: 200, body: 'of alice' });
    // Not even the group of the server's account gets in: it is root's file now.
    chownSync(file, 0, 0);
    const refused = await get(`${path}/file/0`);
    expect(refused.status).toBeGreaterThanOrEqual(400);
    expect(refused.body).not.toContain('of alice');
  });

  test('shows no files of another account', async () => {
    const theirs = privateDirectory(lab, BOB, 'not-shared');
    writeFileSync(join(theirs, 'f.txt'), 'of bob');
    giveTo(theirs, BOB);
    await expect(share(join(theirs, 'f.txt'))).rejects.toThrow();
  });
});

describe('a delivery', () => {
  const deliver = async (options: Parameters<Api['send']['createTransfer']>[2]) => {
    const source = privateDirectory(lab, ALICE, 'sent');
    mkdirSync(join(source, 'd'));
    writeFileSync(join(source, 'd/a.mov'), 'a film', { mode: 0o640 });
    symlinkSync('d/a.mov', join(source, 'latest'));
    giveTo(source, ALICE);
    const { token } = await bob.server.createAPIToken({ permissions: PERMISSIONS.UPLOAD });
    const manifest = await alice.send.createManifest({
      mappings: { '/': source },
      symlinks: SYMLINK_PRESERVE,
    });
    await alice.send.waitForManifest(manifest, { timeoutSeconds: 30 });
    const destination = await alice.send.createDestination(LOOPBACK, {
      destinationPort: server.ready.recvPort,
      destinationToken: token,
    });
    const { transferId } = await alice.send.createTransfer(manifest, destination, options);
    const ended = await alice.send.waitForTransfer(transferId, { timeoutSeconds: 60 });
    rmSync(source, { recursive: true });
    return { ended, transferId };
  };
  const ownerOf = (path: string): number => lstatSync(path).uid;

  test('as a whole, with links and modes, read back, is all of the receiving account', async () => {
    const target = join(privateDirectory(lab, BOB, 'delivered'), 'job');
    const { ended } = await deliver({
      destinationPath: target,
      publish: 'whole',
      verifyMode: 'readback',
    });
    expect(ended).toMatchObject({ status: 'complete', errorMessage: '' });
    expect(readlinkSync(join(target, 'latest'))).toBe('d/a.mov');
    expect(statSync(join(target, 'd/a.mov')).mode & 0o7777).toBe(0o640);
    for (const name of ['', 'd', 'd/a.mov', 'latest']) {
      expect(ownerOf(join(target, name)), name).toBe(uidOf(BOB));
    }
  });

  test('into a place of another account is refused and leaves nothing', async () => {
    const theirs = privateDirectory(lab, ALICE, 'closed');
    const { ended } = await deliver({ destinationPath: join(theirs, 'job'), publish: 'whole' });
    expect(ended.status).not.toBe('complete');
    expect(ended.errorCode).toBe('permission_denied');
    expect(existsSync(join(theirs, 'job'))).toBe(false);
  });
});
