/** Transfers between two servers that were started as root: read as one account, written as another. */
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Api } from '@jetstream/client';
import { PERMISSIONS, type TransferStructure } from '@jetstream/contract';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { differences, makeSampleTree, readTree } from '../../scripts/sample-tree.js';
import { LOOPBACK, type ServerProcess } from '../../scripts/server-process.js';
import { awaitComplete, awaitDurable } from '../integration/servers.js';
import {
  ALICE,
  agentsOf,
  BOB,
  gidOf,
  giveTo,
  loginAs,
  openRootLab,
  privateDirectory,
  startAsRoot,
  uidOf,
} from './root-lab.js';

const BIG_FILE_BYTES = 48 * 1024 * 1024;
/** Slow enough that there is a middle. */
const SLOW_KBPS = 120_000;

const lab = openRootLab();
let paris: ServerProcess;
let tokyo: ServerProcess;
let alice: Api;
let bob: Api;

beforeAll(async () => {
  [paris, tokyo] = await Promise.all([startAsRoot(lab, 'paris'), startAsRoot(lab, 'tokyo')]);
  alice = await loginAs(lab, paris, ALICE);
  bob = await loginAs(lab, tokyo, BOB);
});

afterAll(() => lab[Symbol.asyncDispose]());

interface Order {
  readonly source: string;
  readonly target: string;
  readonly sendRateMax?: number;
}

/** Alice sends to where Bob's token leads. */
const order = async ({ source, target, sendRateMax }: Order): Promise<TransferStructure> => {
  const { token } = await bob.server.createAPIToken({ permissions: PERMISSIONS.UPLOAD });
  const manifest = await alice.send.createManifest({ mappings: { '/tree': source } });
  await alice.send.waitForManifest(manifest, { timeoutSeconds: 30 });
  const destination = await alice.send.createDestination(LOOPBACK, {
    destinationPort: tokyo.ready.recvPort,
    destinationToken: token,
    sendRateMax: sendRateMax ?? null,
  });
  return alice.send.createTransfer(manifest, destination, {
    destinationPath: target,
    checkpointFrequencySeconds: 0.5,
  });
};

const sampleOfAlice = async (name: string): Promise<string> => {
  const source = lab.path(name);
  await makeSampleTree(source, { bigFileBytes: BIG_FILE_BYTES, smallFileCount: 200 });
  giveTo(source, ALICE);
  chmodSync(source, 0o700);
  return source;
};

test('files are read as the sender and written as the owner of the token', async () => {
  const source = await sampleOfAlice('first');
  const target = privateDirectory(lab, BOB, 'first-target');
  const { transferId } = await order({ source, target });
  await awaitComplete(alice, transferId, [paris, tokyo]);
  expect(differences(await readTree(source), await readTree(`${target}/tree`))).toEqual([]);
  const printed = execFileSync('find', [target, '-printf', '%U:%G\n'], { encoding: 'utf8' });
  const owners = new Set(printed.trim().split('\n'));
  expect([...owners]).toEqual([`${uidOf(BOB)}:${gidOf(BOB)}`]);
});

test('a file that the sender may not read fails by itself', async () => {
  const source = privateDirectory(lab, ALICE, 'second');
  writeFileSync(join(source, 'open'), 'content');
  giveTo(source, ALICE);
  writeFileSync(join(source, 'of-root'), 'secret', { mode: 0o600 });
  const target = privateDirectory(lab, BOB, 'second-target');
  const { transferId } = await order({ source, target });
  const ended = await alice.send.waitForTransfer(transferId, { timeoutSeconds: 60 });
  expect(ended.fileErrors.map(({ destPath, code }) => ({ destPath, code }))).toEqual([
    { destPath: '/tree/of-root', code: 'permission_denied' },
  ]);
  expect(readFileSync(join(target, 'tree/open'), 'utf8')).toBe('content');
});

test('nothing is written where the owner of the token may not write', async () => {
  const source = privateDirectory(lab, ALICE, 'third');
  writeFileSync(join(source, 'f'), 'content');
  giveTo(source, ALICE);
  const target = privateDirectory(lab, ALICE, 'third-target');
  const { transferId } = await order({ source, target });
  const ended = await alice.send.waitForTransfer(transferId, { timeoutSeconds: 60 });
  const codes = [ended.errorCode, ...ended.fileErrors.map(({ code }) => code)];
  expect(ended.status).not.toBe('complete');
  expect(codes).toContain('permission_denied');
});

test('a transfer goes on after the agents at both ends were killed', async () => {
  const source = await sampleOfAlice('fourth');
  const target = privateDirectory(lab, BOB, 'fourth-target');
  mkdirSync(join(target, 'tree'), { mode: 0o700 });
  giveTo(target, BOB);
  const { transferId } = await order({ source, target, sendRateMax: SLOW_KBPS });
  await awaitDurable(alice, transferId, BIG_FILE_BYTES / 4);
  for (const { pid } of [...agentsOf(paris, ALICE), ...agentsOf(tokyo, BOB)]) {
    process.kill(pid, 'SIGKILL');
  }
  await awaitComplete(alice, transferId, [paris, tokyo]);
  expect(differences(await readTree(source), await readTree(`${target}/tree`))).toEqual([]);
});
