import { describe, expect, test } from 'vitest';
import { type AccountFailure, openOsAccounts, type ProgramEnd } from './os-accounts.js';

const FILES: Readonly<Record<string, string>> = {
  '/etc/passwd': '# comment\nroot:x:0:0:root:/root:/bin/sh\nann:x:1001:100::/home/ann:/bin/sh\n',
  '/etc/group': 'users:x:100:\nmedia:x:200:ann,bob\nannex:x:300:joann\n',
};
const read = (path: string) => Promise.resolve(FILES[path] ?? '');
const MISSING: ProgramEnd = { kind: 'missing' };
const exit = (code: number, printed = ''): ProgramEnd => ({ kind: 'exit', code, printed });

describe('openOsAccounts', () => {
  test('without getent and id, the files are the truth', async () => {
    const accounts = openOsAccounts({ read, run: () => Promise.resolve(MISSING) });
    const ann = await accounts.findUser('ann');
    expect(ann).toEqual({ name: 'ann', id: '1001', groupId: '100' });
    expect(await accounts.findGroup('media')).toEqual({ name: 'media', id: '200' });
    expect(await accounts.groupIdsOf(ann ?? { name: '', id: '', groupId: '' })).toEqual(
      new Set(['100', '200']),
    );
  });

  test('getent and id know more than the files', async () => {
    const answers: Readonly<Record<string, string>> = {
      'getent passwd eve': 'eve:*:70001:70000:Eve:/home/eve:/bin/sh\n',
      'id -G eve': '70000 70005\n',
    };
    const accounts = openOsAccounts({
      read,
      run: (file, args) => {
        const printed = answers[[file, ...args].join(' ')];
        return Promise.resolve(printed === undefined ? exit(2) : exit(0, printed));
      },
    });
    const eve = await accounts.findUser('eve');
    expect(eve).toEqual({ name: 'eve', id: '70001', groupId: '70000' });
    if (eve !== null) {
      expect(await accounts.groupIdsOf(eve)).toEqual(new Set(['70000', '70005']));
    }
  });

  describe('without an answer', () => {
    const failing = (end: ProgramEnd, more: object = {}) => {
      const failures: AccountFailure[] = [];
      const onFailure = (failure: AccountFailure) => failures.push(failure);
      const accounts = openOsAccounts({ read, run: async () => end, onFailure, ...more });
      return { accounts, failures };
    };
    const unavailable = { code: 'accounts_unavailable' };

    test.each<[ProgramEnd, string]>([
      [{ kind: 'broken', reason: 'SIGTERM' }, 'SIGTERM'],
      [exit(1), 'exit code 1'],
      [exit(3), 'exit code 3'],
    ])('%j is told, and is not taken for "no such account"', async (end, reason) => {
      const { accounts, failures } = failing(end);
      await expect(accounts.findUser('eve')).rejects.toMatchObject(unavailable);
      await expect(accounts.findGroup('staff')).rejects.toMatchObject(unavailable);
      expect(failures).toEqual([
        { question: 'getent passwd eve', reason },
        { question: 'getent group staff', reason },
      ]);
      // The machine's own accounts are known without.
      expect(await accounts.findUser('ann')).toMatchObject({ id: '1001' });
    });

    test('"no such name" is an answer', async () => {
      const { accounts, failures } = failing(exit(2));
      expect(await accounts.findUser('eve')).toBeNull();
      expect(failures).toEqual([]);
    });

    test('groups that cannot be listed are not taken for none', async () => {
      const { accounts, failures } = failing(exit(1));
      const ann = { name: 'ann', id: '1001', groupId: '100' };
      await expect(accounts.groupIdsOf(ann)).rejects.toMatchObject(unavailable);
      expect(failures).toEqual([{ question: 'id -G ann', reason: 'exit code 1' }]);
    });

    test('a file that cannot be read is not taken for an empty one', async () => {
      const denied = Object.assign(new Error('denied'), { code: 'EACCES' });
      const { accounts, failures } = failing(MISSING, { read: () => Promise.reject(denied) });
      await expect(accounts.findUser('ann')).rejects.toMatchObject(unavailable);
      expect(failures).toEqual([{ question: '/etc/passwd', reason: 'EACCES' }]);
    });
  });

  test.each([
    '',
    '0',
    '-s',
    '--help',
    'no-such-account',
    'a:b',
    'a\nb',
    'a/b',
    '\0',
    'x'.repeat(300),
  ])('the name %j names no account of this machine', async (name) => {
    const accounts = openOsAccounts();
    expect(await accounts.findUser(name)).toBeNull();
    expect(await accounts.findGroup(name)).toBeNull();
  });

  test('the machine itself is asked', async () => {
    const accounts = openOsAccounts();
    expect(await accounts.findUser('root')).toMatchObject({ id: '0' });
    expect(accounts.processOwnerId).toBe(String(process.getuid?.()));
  });
});
