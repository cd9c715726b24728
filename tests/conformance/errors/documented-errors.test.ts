/**
 * Errors that the contract documents: each is raised here, or by the file of its method, or stands in
 * `not-raised-here.json`. That list only gets shorter: an entry that is raised is refused.
 */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { definitionOf, METHODS, type MethodName } from '@jetstream/contract';
import { beforeAll, describe, expect, it } from 'vitest';
import { failure, openSessions, type Parameters, type Session } from '../harness/sessions.js';
import notRaisedHere from './not-raised-here.json' with { type: 'json' };

const sessions = openSessions();
let user: Session;
/** An empty directory with the file `f` and the directory `d`. */
let place = '';

interface Case {
  readonly method: string;
  readonly code: string;
  readonly params: () => Parameters | Promise<Parameters>;
  readonly as?: 'superuser' | 'nobody';
}

/** What each file method is given for a path. */
const WITH_PATH: Readonly<Record<string, (path: string) => Parameters>> = {
  lsAsync: (path) => ({ path }),
  lsListAsync: (path) => ({ pathList: [path] }),
  duAsync: (path) => ({ path }),
  mkdirAsync: (path) => ({ path }),
  mkFileAsync: (path) => ({ path, size: 1 }),
  mvAsync: (path) => ({ path, newPath: `${place}/moved` }),
  rmAsync: (path) => ({ path }),
};

const BAD_PATHS: Readonly<Record<string, () => string>> = {
  path_invalid: () => `${place}/../x`,
  not_a_directory: () => `${place}/f/x`,
  name_too_long: () => `${place}/${'x'.repeat(300)}`,
};

const fileCases: Case[] = Object.entries(WITH_PATH).flatMap(([method, paramsOf]) =>
  Object.entries(BAD_PATHS).map(([code, path]) => ({
    ...{ method, code },
    params: () => paramsOf(path()),
  })),
);

/** A manifest that has failed, and so never becomes ready. */
const failedManifest = async (): Promise<string> => {
  const mappings = { '/x': `${place}/not there` };
  const { manifestId } = await user.call<{ manifestId: string }>('send.createManifest', {
    mappings,
  });
  await user.call('send.waitForManifest', { manifestId });
  return manifestId;
};
const aManifest = async (): Promise<string> => {
  const mappings = { '/f': `${place}/f` };
  const made = await user.call<{ manifestId: string }>('send.createManifest', { mappings });
  return made.manifestId;
};
const aDestination = async (): Promise<string> => {
  const made = await user.call<{ destinationId: string }>('send.createDestination', {
    destinationAddress: '127.0.0.1',
  });
  return made.destinationId;
};
/** Fails so often that the next login as this account has to wait. */
const slowed = async (login: () => Promise<unknown>): Promise<void> => {
  for (let failures = 0; failures < 3; failures += 1) {
    await expect(login()).rejects.toMatchObject(failure('auth_failed'));
  }
};
const slowedAccount = async (): Promise<Parameters> => {
  const given = { userName: `nobody-${randomUUID()}`, password: 'wrong' };
  const nobody = await sessions.as('nobody');
  await slowed(() => nobody.call('auth', given));
  return given;
};
const slowedToken = async (): Promise<Parameters> => {
  const { token } = await user.call<{ token: string }>('createAPIToken', {
    password: 'the right password',
  });
  const given = { token, password: 'wrong' };
  const nobody = await sessions.as('nobody');
  await slowed(() => nobody.call('authToken', given));
  return given;
};
const ID_OF_NOTHING = 999_999_999;

const otherCases: Case[] = [
  { method: 'auth', code: 'auth_locked', as: 'nobody', params: slowedAccount },
  { method: 'authAsync', code: 'auth_locked', as: 'nobody', params: slowedAccount },
  { method: 'authToken', code: 'auth_locked', as: 'nobody', params: slowedToken },
  {
    method: 'mkFileAsync',
    code: 'path_not_found',
    params: () => ({ path: `${place}/none/x`, size: 1 }),
  },
  {
    method: 'mkFileAsync',
    code: 'is_a_directory',
    params: () => ({ path: `${place}/d`, size: 1 }),
  },
  { method: 'createAPIToken', code: 'path_invalid', params: () => ({ path: `${place}/..` }) },
  { method: 'cancelRequest', code: 'not_found', params: () => ({ requestId: ID_OF_NOTHING }) },
  {
    method: 'send.getManifestFiles',
    code: 'manifest_not_ready',
    params: async () => ({ manifestId: await failedManifest() }),
  },
  {
    method: 'send.createSharedToken',
    code: 'manifest_not_ready',
    params: async () => ({ manifestId: await failedManifest() }),
  },
  {
    method: 'send.createTransfer',
    code: 'manifest_not_ready',
    params: async () => ({
      ...{ manifestId: await failedManifest(), destinationId: await aDestination() },
    }),
  },
  {
    method: 'send.updateObjectUserData',
    code: 'conflict',
    params: async () => ({
      ...{ objectType: 'manifest', objectId: await aManifest() },
      userData: { text: 'x'.repeat(70_000) },
    }),
  },
  {
    method: 'setSandboxMapping',
    code: 'name_too_long',
    as: 'superuser',
    params: () => ({ userName: 'eve', sandboxRoots: { '': `/${'x'.repeat(300)}` } }),
  },
  ...['deleteWebhook', 'getWebhookDeliveries', 'testWebhook'].map((method) => ({
    ...{ method, code: 'not_found', as: 'superuser' as const },
    params: () => ({ webhookId: 'none' }),
  })),
];

const CASES = [...fileCases, ...otherCases];

beforeAll(async () => {
  user = await sessions.as('user');
  place = await sessions.scratch();
  await user.result('mkdirAsync', { path: `${place}/d` });
  await user.result('mkFileAsync', { path: `${place}/f`, size: 1 });
});

describe('a documented error', () => {
  it.each(CASES)('$method: $code', async ({ method, code, params, as }) => {
    const session = as === undefined ? user : await sessions.as(as);
    const given = await params();
    const isRequest = method.endsWith('Async');
    const call = isRequest ? session.result(method, given) : session.call(method, given);
    await expect(call).rejects.toMatchObject(failure(code));
  });

  it('is raised by a test, or is known not to be', () => {
    const textOf = (name: string): string => {
      const [group = '', method = ''] = name.includes('.') ? name.split('.') : ['server', name];
      const kebab = method
        .replace('APIToken', 'ApiToken')
        .replaceAll(/(?<=[a-z0-9])[A-Z]/g, (letter) => `-${letter}`)
        .toLowerCase();
      try {
        const file = new URL(`../${group}-interface/${kebab}.test.ts`, import.meta.url);
        return readFileSync(file, 'utf8');
      } catch {
        return '';
      }
    };
    const missing = (Object.keys(METHODS) as MethodName[]).flatMap((name) => {
      const text = textOf(name);
      return definitionOf(name)
        .errors.filter((code) => !text.includes(`'${code}'`))
        .filter((code) => !CASES.some((each) => each.method === name && each.code === code))
        .map((code) => `${name} ${code}`);
    });
    expect(missing.sort()).toEqual([...notRaisedHere].sort());
  });
});
