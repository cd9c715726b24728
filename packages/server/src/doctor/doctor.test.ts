import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import {
  checkAccount,
  checkFilesAccount,
  checkPam,
  checkTriggerDir,
  type RootFacts,
} from './account-checks.js';
import { checkStateDir, examine } from './doctor.js';
import { closedPort, dataPathOf } from './port-checks.js';
import {
  checkBuffers,
  checkCertificate,
  checkClock,
  checkDescriptors,
  checkDisk,
  checkNode,
  DESCRIPTORS_LEAST,
  SOCKET_BUFFER_BYTES,
} from './system-checks.js';

const FACTS: RootFacts = {
  serverAccount: 'jetstream',
  serverUid: 998,
  hasAddon: true,
  filesAccount: 'jetstream-files',
  filesAccountFault: null,
};

describe('checks of the machine', () => {
  test('socket buffers: too small ones come with the sysctl that mends them', () => {
    const bytes = SOCKET_BUFFER_BYTES;
    expect(checkBuffers({ receiveMax: bytes, sendMax: bytes }).status).toBe('ok');
    const small = checkBuffers({ receiveMax: 212_992, sendMax: bytes });
    expect(small.status).toBe('warn');
    expect(small.advice[0]).toBe('sysctl -w net.core.rmem_max=8388608 net.core.wmem_max=8388608');
    expect(checkBuffers({ receiveMax: null, sendMax: null }).status).toBe('warn');
  });

  test('file descriptors', () => {
    expect(checkDescriptors(1024)).toMatchObject({ status: 'warn' });
    expect(checkDescriptors(DESCRIPTORS_LEAST)).toMatchObject({ status: 'ok' });
    expect(checkDescriptors(null)).toMatchObject({ status: 'ok' });
  });

  test('certificate: by days left', () => {
    expect(checkCertificate(null, true).status).toBe('ok');
    expect(checkCertificate(100, true).status).toBe('ok');
    expect(checkCertificate(29, true)).toMatchObject({ status: 'warn' });
    expect(checkCertificate(-1, false)).toMatchObject({ status: 'fail' });
    expect(checkCertificate(-1, false).advice[0]).toContain('--api-tls-cert');
  });

  test('clock: before the build, behind the event log, not synchronised', () => {
    const facts = { nowMs: 2e12, builtMs: 1e12, lastEventMs: null, isSynchronized: null };
    expect(checkClock(facts).status).toBe('ok');
    expect(checkClock({ ...facts, builtMs: 3e12 }).status).toBe('fail');
    expect(checkClock({ ...facts, lastEventMs: 2e12 + 3_600_000 }).status).toBe('warn');
    expect(checkClock({ ...facts, lastEventMs: 2e12 - 1 }).status).toBe('ok');
    expect(checkClock({ ...facts, isSynchronized: false }).status).toBe('warn');
  });

  test('disk: room and inodes', () => {
    const facts = { path: '/x', freeBytes: 2 ** 40, freeInodes: 1e6 };
    expect(checkDisk(facts).status).toBe('ok');
    expect(checkDisk({ ...facts, freeBytes: 1e6 }).status).toBe('warn');
    expect(checkDisk({ ...facts, freeInodes: 10 }).status).toBe('warn');
    // File systems such as btrfs count no inodes.
    expect(checkDisk({ ...facts, freeInodes: 0 }).status).toBe('ok');
  });

  test('node: the oldest version that works', () => {
    expect(checkNode('v20.18.3').status).toBe('fail');
    expect(checkNode('v20.19.0').status).toBe('ok');
    expect(checkNode('v24.1.0').status).toBe('ok');
  });

  test('account: root by itself is the wrong one, with a monitor it needs one for the server', () => {
    expect(checkAccount({ kind: 'ordinary user' }).status).toBe('ok');
    const alone = checkAccount({ kind: 'root alone' });
    expect(alone).toMatchObject({ status: 'warn', advice: [expect.any(String)] });
    const asMonitor = (facts: Partial<RootFacts>) =>
      checkAccount({ kind: 'monitor', facts: { ...FACTS, ...facts } });
    expect(asMonitor({}).status).toBe('ok');
    for (const facts of [{ serverUid: null }, { serverUid: 0 }, { hasAddon: false }]) {
      expect(asMonitor(facts)).toMatchObject({ status: 'fail', advice: [expect.any(String)] });
    }
  });

  test('account for files: one that cannot be used is told of, none is no fault', () => {
    expect(checkFilesAccount(FACTS)).toMatchObject({ status: 'ok' });
    expect(checkFilesAccount({ ...FACTS, filesAccount: null }).found).toContain('no files');
    expect(checkFilesAccount({ ...FACTS, filesAccountFault: 'x' })).toMatchObject({
      status: 'fail',
      advice: [expect.stringContaining('--files-account')],
    });
  });

  test('PAM: a profile, and modules that answer', () => {
    const facts = { service: 'jetstream', hasProfile: true, answers: true };
    expect(checkPam(facts).status).toBe('ok');
    expect(checkPam({ ...facts, hasProfile: false })).toMatchObject({
      status: 'warn',
      advice: ['install -m 0644 packaging/pam-jetstream /etc/pam.d/jetstream'],
    });
    expect(checkPam({ ...facts, answers: false })).toMatchObject({ status: 'fail' });
  });

  test('triggers: a directory that others can change is told of', () => {
    expect(checkTriggerDir('/x', null).status).toBe('ok');
    expect(checkTriggerDir('/x', 'others')).toMatchObject({ status: 'warn' });
  });
});

describe('ports and the way of packets', () => {
  const udp = { name: 'udp port', port: 8886 };

  test('a port in use is a fault, unless it is the server itself that runs', () => {
    const finding = closedPort(udp, 'EADDRINUSE', null);
    expect(finding).toMatchObject({ status: 'fail', found: 'port 8886 is in use' });
    expect(finding.advice[0]).toContain('--recv-port');
    expect(closedPort(udp, 'EADDRINUSE', 17)).toMatchObject({ status: 'ok' });
  });

  test('a port that needs rights, and an address that is not there', () => {
    expect(closedPort(udp, 'EACCES', 17).advice[0]).toContain('above 1023');
    const finding = closedPort({ name: 'tcp port', port: 1 }, 'EADDRNOTAVAIL', null);
    expect(finding).toMatchObject({
      status: 'fail',
      found: expect.stringContaining('EADDRNOTAVAIL') as string,
    });
  });

  test('data path: without the addon a warning that says how to get it', () => {
    const dgram = { description: 'dgram: no addon' };
    const finding = dataPathOf(dgram, { dataPath: 'auto' });
    expect(finding).toMatchObject({
      status: 'warn',
      found: expect.stringContaining('slower') as string,
    });
    expect(finding.advice[0]).toContain('npm rebuild @jetstream/udp');
    expect(dataPathOf(dgram, { dataPath: 'dgram' })).toMatchObject({ status: 'ok' });
    expect(dataPathOf({ description: 'native: GSO' }, { dataPath: 'auto' }).status).toBe('ok');
    expect(dataPathOf({ code: 'EMFILE' }, { dataPath: 'auto' }).status).toBe('fail');
  });
});

describe('examine', () => {
  const directory = mkdtempSync(join(tmpdir(), 'jetstream-doctor-'));
  let blocker: Server | null = null;
  afterEach(() => {
    blocker?.close();
    rmSync(directory, { recursive: true, force: true });
  });

  test('names a port in use, changes nothing on the disk', async () => {
    mkdirSync(directory, { recursive: true });
    const taken = createServer().listen(0, '127.0.0.1');
    blocker = taken;
    await new Promise((resolve) => taken.once('listening', resolve));
    const { port } = taken.address() as { port: number };
    const stateDir = join(directory, 'state');
    const findings = await examine(
      { apiPort: port, apiHost: '127.0.0.1', recvPort: 0, persistentStateDir: stateDir },
      { nowMs: Date.now(), singleProcess: true },
    );
    const named = Object.fromEntries(findings.map((finding) => [finding.name, finding]));
    expect(named['tcp port']).toMatchObject({ status: 'fail', advice: [expect.any(String)] });
    expect(named['udp port']).toMatchObject({ status: 'ok' });
    expect(named['data path']?.found).toMatch(/^(native|dgram)/);
    expect(named['state directory']?.found).toContain('first start');
    expect(() => mkdirSync(stateDir)).not.toThrow();
  });

  test('a state directory of somebody else, with the command that mends it', () => {
    mkdirSync(directory, { recursive: true });
    const { uid } = statSync(directory);
    expect(checkStateDir(directory, uid)).toMatchObject({ status: 'ok' });
    const finding = checkStateDir(directory, uid + 1);
    expect(finding).toMatchObject({
      status: 'fail',
      found: expect.stringContaining(`${uid}`) as string,
    });
    expect(finding.advice[0]).toContain(`chown -R ${uid + 1} ${directory}`);
  });

  test('refuses options that the server would refuse', async () => {
    await expect(examine({ apiPort: 70_000 }, { nowMs: 0, singleProcess: true })).rejects.toThrow(
      'apiPort',
    );
  });
});
