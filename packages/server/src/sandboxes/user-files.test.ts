import { expect, test } from 'vitest';
import type { StoredUser } from '../users/user-store.js';
import type { SandboxRoots } from './sandbox-service.js';
import { UserFiles, type UserFilesOptions } from './user-files.js';

const SANDBOX: SandboxRoots = { roots: new Map([['', '/srv/x']]), sandboxed: true };
const EVERYTHING: SandboxRoots = { roots: new Map([['', '/']]), sandboxed: false };
const NOTHING: SandboxRoots = { roots: new Map(), sandboxed: true };

/** Built-in users guest, who has no account, and mapped, who works as ann. */
const filesOf = (sandbox: SandboxRoots, more: Partial<UserFilesOptions> = {}): UserFiles => {
  const users = new Map<string, string | null>([
    ['guest', null],
    ['mapped', 'ann'],
    ['shared', 'files'],
  ]);
  return new UserFiles({
    sandboxes: { rootsOf: () => sandbox },
    users: {
      find: async (name) =>
        users.has(name) ? ({ name, osUser: users.get(name) } as StoredUser) : null,
    },
    processOwner: 'jetstream',
    filesAccount: 'files',
    hasAgents: true,
    ...more,
  });
};
const rootOf = async (files: UserFiles, name: string) => (await files.of(name)).roots.get('');

test('a built-in user without an account works as the account for files, inside its sandbox', async () => {
  expect(await rootOf(filesOf(SANDBOX), 'guest')).toBe('files:/srv/x');
  expect(await rootOf(filesOf(SANDBOX), 'mapped')).toBe('ann:/srv/x');
});

test('without a sandbox nobody works as the account for files, which others share', async () => {
  expect(await filesOf(EVERYTHING).of('guest')).toEqual(NOTHING);
  expect(await filesOf(EVERYTHING).of('shared')).toEqual(NOTHING);
  expect(await rootOf(filesOf(EVERYTHING), 'mapped')).toBe('ann:/');
  expect(await rootOf(filesOf(EVERYTHING), 'ann')).toBe('ann:/');
});

test('without an account for files such users reach none, and nobody is an account of the server', async () => {
  expect(await filesOf(SANDBOX, { filesAccount: null }).of('guest')).toEqual(NOTHING);
  for (const name of ['jetstream', 'files', '../x']) {
    expect(await filesOf(SANDBOX).of(name), name).toEqual(NOTHING);
  }
});

test('a server without agents uses all roots as itself', async () => {
  const files = filesOf(EVERYTHING, { hasAgents: false, filesAccount: null });
  expect(await files.of('guest')).toEqual(EVERYTHING);
});
