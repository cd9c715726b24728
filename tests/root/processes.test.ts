/** What each process of a server that was started as root may do, and how they end together. */
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { CommandError } from '@jetstream/contract';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { repositoryRoot, type ServerProcess } from '../../scripts/server-process.js';
import {
  ALICE,
  agentsOf,
  BOB,
  childrenOf,
  GROUP,
  groupIdOf,
  loginAs,
  monitorOf,
  openRootLab,
  type ProcessFacts,
  password,
  processOf,
  SERVER_ACCOUNT,
  startAsRoot,
  uidOf,
  until,
} from './root-lab.js';

const lab = openRootLab();

afterAll(() => lab[Symbol.asyncDispose]());

const capabilities = ({ status }: ProcessFacts): (string | undefined)[] =>
  ['CapInh', 'CapPrm', 'CapEff', 'CapAmb'].map((name) => status.get(name));

/** What the shell that starts the server has for other commands. */
const SHELL_SECRET = 'a password of the shell';

const nothing = Array.from({ length: 4 }, () => '0'.repeat(16));

/** All processes of a server, the monitor included. */
const familyOf = (server: ServerProcess): number[] => {
  const monitor = monitorOf(server);
  return [monitor, ...childrenOf(monitor).map(({ pid }) => pid)];
};

const allGone = (pids: readonly number[]): boolean =>
  pids.every((pid) => (processOf(pid)?.status.get('State') ?? 'Z').startsWith('Z'));

describe('while it runs', () => {
  let server: ServerProcess;

  beforeAll(async () => {
    process.env['JETSTREAM_API_PASSWORD'] = SHELL_SECRET;
    try {
      server = await startAsRoot(lab, 'paris');
    } finally {
      delete process.env['JETSTREAM_API_PASSWORD'];
    }
  });

  test('the server proper is its own account without any capability or group', () => {
    const facts = processOf(server.ready.pid);
    const uid = uidOf(SERVER_ACCOUNT);
    expect(facts?.status.get('Uid')?.split('\t')).toEqual(
      Array.from({ length: 4 }, () => `${uid}`),
    );
    expect(facts?.status.get('Groups')).toBe('');
    expect(facts?.status.get('NoNewPrivs')).toBe('1');
    expect(facts && capabilities(facts)).toEqual(nothing);
  });

  test('an agent is its account with its groups, and no more', async () => {
    const alice = await loginAs(lab, server, ALICE);
    await alice.server.ls('/');
    const [agent] = agentsOf(server, ALICE);
    const uid = uidOf(ALICE);
    expect(agent?.status.get('Uid')?.split('\t')).toEqual(
      Array.from({ length: 4 }, () => `${uid}`),
    );
    expect(agent?.status.get('Groups')?.split(' ')).toContain(String(groupIdOf(GROUP)));
    expect(agent?.status.get('Groups')?.split(' ')).not.toContain('0');
    expect(agent?.status.get('NoNewPrivs')).toBe('1');
    expect(agent && capabilities(agent)).toEqual(nothing);
  });

  test('no memory can be read or dumped by others than root, and no secret lies beside it', async () => {
    const alice = await loginAs(lab, server, ALICE);
    await alice.server.ls('/');
    expect(familyOf(server).length).toBeGreaterThanOrEqual(3);
    for (const pid of familyOf(server)) {
      // What the kernel gives to root is that of a process that is not dumpable.
      expect(statSync(`/proc/${pid}/mem`).uid, `process ${pid}`).toBe(0);
      const facts = processOf(pid);
      expect(facts?.command).not.toContain(SHELL_SECRET);
      const environment = readFileSync(`/proc/${pid}/environ`, 'utf8');
      // The monitor's own is that of whoever started it, and root's alone.
      if (pid !== monitorOf(server)) expect(environment).not.toContain(SHELL_SECRET);
    }
  });

  test('more accounts than agents wait for a place, with an error that may be repeated', async () => {
    const small = await startAsRoot(lab, 'small', ['--agents-max=1']);
    const first = await loginAs(lab, small, ALICE);
    const second = await loginAs(lab, small, BOB);
    await first.server.ls(join('/home', ALICE));
    const refused = second.server.ls(join('/home', BOB));
    await expect(refused).rejects.toMatchObject({ code: 'agent_unavailable' });
    await until('the first agent is idle', () => agentsOf(small, ALICE).length === 0);
    await second.server.ls(join('/home', BOB));
  });

  test('an account that is locked while it is in use is out within a minute', async () => {
    const api = await loginAs(lab, server, BOB);
    const files = join('/home', BOB);
    await api.server.ls(files);
    const { token } = await api.server.createAPIToken();
    execFileSync('usermod', ['--expiredate', '2001-01-01', BOB]);
    try {
      const codeOf = (call: Promise<unknown>): Promise<string> =>
        call.then(
          () => 'no error',
          (error: unknown) => (error as CommandError).code,
        );
      let code = 'no error';
      for (const end = performance.now() + 60_000; performance.now() < end; ) {
        code = await codeOf(api.server.ls(files));
        if (code === 'not_authenticated') break;
        await new Promise((resolve) => setTimeout(resolve, 500));
      }
      expect(code).toBe('not_authenticated');
      await until('its agent is gone', () => agentsOf(server, BOB).length === 0);
      const guest = lab.client(server);
      await guest.connect();
      expect(await codeOf(guest.server.authToken(token))).toBe('auth_failed');
    } finally {
      execFileSync('usermod', ['--expiredate', '', BOB]);
    }
  }, 150_000);

  test('an agent ends when nobody uses it, and the next call starts another', async () => {
    const alice = await loginAs(lab, server, ALICE);
    await alice.server.ls('/');
    await until('the agent has ended', () => agentsOf(server, ALICE).length === 0);
    expect((await alice.server.ls('/')).files.length).toBeGreaterThan(0);
  });

  test('an agent that is killed fails nothing but what it was doing', async () => {
    const [alice, bob] = [await loginAs(lab, server, ALICE), await loginAs(lab, server, BOB)];
    await Promise.all([alice.server.ls('/'), bob.server.ls('/')]);
    for (const { pid } of agentsOf(server, ALICE)) process.kill(pid, 'SIGKILL');
    expect((await bob.server.ls('/')).files.length).toBeGreaterThan(0);
    expect((await alice.server.ls('/')).files.length).toBeGreaterThan(0);
  });

  test('the agent of a user that is stopped by its user holds up nobody for long', async () => {
    const [alice, bob] = [await loginAs(lab, server, ALICE), await loginAs(lab, server, BOB)];
    await Promise.all([alice.server.ls('/'), bob.server.ls('/')]);
    const [agent] = agentsOf(server, ALICE);
    process.kill(agent?.pid ?? 0, 'SIGSTOP');
    try {
      const failed = alice.server.ls('/').then(
        () => 'no error',
        (error: unknown) => (error instanceof CommandError ? error.code : String(error)),
      );
      expect(await failed).toBe('agent_unavailable');
      expect((await bob.server.ls('/')).files.length).toBeGreaterThan(0);
    } finally {
      process.kill(agent?.pid ?? 0, 'SIGKILL');
    }
  });
});

describe('the end', () => {
  test('of a server that is asked to stop takes everything along', async () => {
    const server = await startAsRoot(lab, 'stopped');
    const alice = await loginAs(lab, server, ALICE);
    await alice.server.ls('/');
    const family = familyOf(server);
    expect(family.length).toBeGreaterThanOrEqual(3);
    expect(await server.stop()).toBe(0);
    await until('all processes are gone', () => allGone(family));
  });

  test('of a server that is killed ends the monitor and the agents', async () => {
    const server = await startAsRoot(lab, 'killed');
    const alice = await loginAs(lab, server, ALICE);
    await alice.server.ls('/');
    const family = familyOf(server);
    process.kill(server.ready.pid, 'SIGKILL');
    await until('all processes are gone', () => allGone(family));
  });

  test('of a monitor that is killed ends the server and the agents', async () => {
    const server = await startAsRoot(lab, 'orphaned');
    const alice = await loginAs(lab, server, ALICE);
    await alice.server.ls('/');
    const family = familyOf(server);
    process.kill(monitorOf(server), 'SIGKILL');
    await until('all processes are gone', () => allGone(family));
  });
});

describe('a server that was taken over', () => {
  test('gets no agent by asking, and none by asking strangely', async () => {
    const directory = lab.path('hostile');
    mkdirSync(directory, { mode: 0o755 });
    const script = join(repositoryRoot(), 'tests/root/hostile-monitor.mjs');
    const child = spawn(process.execPath, [script, join(directory, 'state'), ALICE, BOB], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, JSTROOT_PASSWORD: password },
    });
    let text = '';
    child.stdout.on('data', (part: Buffer) => {
      text += part.toString();
    });
    await new Promise((resolve) => child.once('close', resolve));
    expect(JSON.parse(text)).toEqual({
      uid: uidOf(SERVER_ACCOUNT),
      beforeLogin: 'refused: the account has never logged in on this server with its password',
      root: 'refused: the account is none that this server acts as',
      daemon: 'refused: the account is none that this server acts as',
      server: 'refused: the account is none that this server acts as',
      unknown: 'refused: the account is none that this server acts as',
      option: 'refused: the account is none that this server acts as',
      path: 'refused: the account is none that this server acts as',
      malformed: ['refused: the request is malformed', 'refused: the request is malformed'],
      rootPassword: 'wrong',
      wrongPassword: 'wrong',
      rightPassword: 'right',
      afterLogin: `agent of ${uidOf(ALICE)}`,
      otherAccount: 'refused: the account has never logged in on this server with its password',
      afterNoise: `agent of ${uidOf(ALICE)}`,
    });
  });
});
