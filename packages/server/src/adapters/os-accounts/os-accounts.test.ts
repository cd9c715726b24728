import { describe, expect, test } from 'vitest';
import { openOsAccounts } from './os-accounts.js';

const FILES: Readonly<Record<string, string>> = {
  '/etc/passwd': '# comment\nroot:x:0:0:root:/root:/bin/sh\nann:x:1001:100::/home/ann:/bin/sh\n',
  '/etc/group': 'users:x:100:\nmedia:x:200:ann,bob\nannex:x:300:joann\n',
};
const read = (path: string) => Promise.resolve(FILES[path] ?? '');

describe('openOsAccounts', () => {
  test('without getent and id, the files are the truth', async () => {
    const accounts = openOsAccounts({ read, run: () => Promise.resolve(null) });
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
      run: (file, args) => Promise.resolve(answers[[file, ...args].join(' ')] ?? null),
    });
    const eve = await accounts.findUser('eve');
    expect(eve).toEqual({ name: 'eve', id: '70001', groupId: '70000' });
    if (eve !== null) {
      expect(await accounts.groupIdsOf(eve)).toEqual(new Set(['70000', '70005']));
    }
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
