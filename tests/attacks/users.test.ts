/** Attacks by user name: names that become paths, and accounts that guesses or timing give away. */
import { describe, expect, it } from 'vitest';
import { LOOPBACK } from '../../scripts/server-process.js';
import { connect, failure, openSessions, target } from '../conformance/harness/sessions.js';
import { openLab, runCli } from '../integration/servers.js';

const sessions = openSessions();

const HOSTILE_NAMES = [
  '..',
  '.',
  '',
  '/',
  'a/b',
  '../boss',
  'a\\b',
  '%2e%2e',
  '%u',
  'a..b',
  '\u2025',
  '\uFF0E\uFF0E',
  '\u202Eann',
  'ann\u0000',
  'ann\n',
  ' ann',
  'ann ',
  '.ssh',
  '-rf',
  'a'.repeat(300),
  'аnn',
];

describe('attack 1, SFTPGo CVE-2026-30915: user names in placeholders', () => {
  it('names that would be paths become no users, and log nobody in', {
    timeout: 120_000,
  }, async () => {
    await using lab = openLab();
    // On a server of its own, because so many failed logins lock the address.
    const server = await lab.start('paris', {
      flags: [`--sandbox-dir=${lab.path('homes')}/%u`, '--log-level=error'],
    });
    const place = { host: LOOPBACK, ...server.ready };
    const adding = ['..', '', '../boss', 'a/b', '%2e%2e', '.ssh', '-rf', 'ann\n'].map(
      async (userName) => {
        const args = ['users', 'add', `--persistent-state-dir=${server.stateDir}`, '--', userName];
        const added = await runCli(args, { JETSTREAM_NEW_PASSWORD: 'a long password' });
        expect(added.exitCode, JSON.stringify(userName)).not.toBe(0);
      },
    );
    await Promise.all(adding);
    for (const userName of HOSTILE_NAMES) {
      const { api, call } = await connect({ ...place, superuser: target.superuser });
      const login = call('auth', { userName, password: 'a long password' });
      await expect(login, userName).rejects.toMatchObject({ name: 'CommandError' });
      await api.close();
    }
  });

  it('a mapping whose placeholders leave no directory of its own is refused', async () => {
    const superuser = await sessions.as('superuser');
    for (const root of ['', '%d', '/%d', 'relative/%u', '/a/../%u', '/%x', '/%', '/%u\u0000']) {
      const setting = superuser.call('setSandboxMapping', {
        userName: '',
        sandboxRoots: { '': root },
      });
      await expect(setting, root).rejects.toMatchObject({ name: 'CommandError' });
    }
    const mappings = await superuser.call<object>('getSandboxMappings');
    expect(Object.keys(mappings)).not.toContain('');
  });
});

describe('attack 6, File Browser GHSA-7rc3-g7h6-22m7: two names for one home', () => {
  it('names that differ in case only are one account', async () => {
    const superuser = await sessions.as('superuser');
    const { userName } = target.user;
    const scratch = await sessions.scratch();
    await superuser.call('setSandboxMapping', {
      userName: userName.toUpperCase(),
      sandboxRoots: { '': scratch },
    });
    const mappings = await superuser.call<object>('getSandboxMappings');
    try {
      const own = Object.keys(mappings).filter(
        (name) => name.toLowerCase() === userName.toLowerCase(),
      );
      expect(own).toHaveLength(1);
    } finally {
      await superuser.call('deleteSandboxMapping', { userName });
    }
  });
});

describe('no enumeration of users', () => {
  it('a wrong password and an unknown user are answered by the same words', async () => {
    const errors: unknown[] = [];
    for (const userName of [target.other.userName, 'nobody-of-this-name']) {
      const { api, call } = await connect();
      errors.push(
        await call('auth', { userName, password: 'wrong' }).catch((error: unknown) => error),
      );
      await api.close();
    }
    expect(errors[0]).toMatchObject(failure('auth_failed'));
    expect((errors[1] as Error).message).toBe((errors[0] as Error).message);
    expect((errors[1] as { details: unknown }).details).toEqual(
      (errors[0] as { details: unknown }).details,
    );
  });
});

describe('attack 17, croc CVE-2023-43621: no secrets in the process list', () => {
  it.each(['--password=sesame', '--token=sesame', '--new-password=sesame'])(
    'the CLI refuses %s',
    async (flag) => {
      for (const command of [
        ['ls', '127.0.0.1:/'],
        ['api', 'getServerInfo'],
        ['users', 'add', 'eve'],
      ]) {
        const refused = await runCli([...command, flag]);
        expect(refused.exitCode, command.join(' ')).toBe(2);
        expect(refused.stderr).not.toContain('sesame');
      }
    },
  );
});
