import { userInfo } from 'node:os';
import {
  definitionOf,
  METHODS,
  type MethodName,
  PERMISSIONS,
  PERMISSIONS_ALL,
} from '@jetstream/contract';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openDatabase } from '../adapters/database/database.js';
import { GroupCommit } from '../adapters/database/group-commit.js';
import type { StoredLink } from '../links/link-store.js';
import { SqliteLinkStore } from '../links/sqlite-link-store.js';
import { type LabSocket, ServerLab } from '../server-lab.conformance.js';
import { hashPassword } from '../users/password-hash.js';
import { formatToken, hashSecret, newToken } from './token-text.js';

type Permission = keyof typeof PERMISSIONS;

/**
 * What each method asks of a token, a second time and by hand: a method that is missing here, or
 * that asks for something else, fails the test.
 */
const NEEDS: Readonly<Record<string, readonly string[]>> = {
  free: [
    'echo',
    'sleep',
    'getRequestStatus',
    'getRequestResult',
    'cancelRequest',
    'subscribe',
    'unsubscribe',
    'getThirdPartyLicenses',
    // Shows what the token's own session did.
    'getEventLog',
  ],
  LIST: ['lsAsync', 'lsListAsync', 'lsRootsAsync', 'duAsync'],
  MODIFY: ['mkdirAsync', 'mkFileAsync', 'mvAsync', 'rmAsync'],
  UPLOAD: [
    'recvDiscoverPacketAsync',
    'recv.getSourcesAsync',
    'recv.getTransfersAsync',
    'recv.getReceiptAsync',
  ],
  DOWNLOAD: [
    'sendDiscoverPacketAsync',
    ...Object.keys(METHODS).filter(
      (name) => name.startsWith('send.') && !name.includes('SharedToken'),
    ),
  ],
  CREATE_LINK: [
    'send.createSharedToken',
    'send.getSharedToken',
    'send.getSharedTokens',
    'send.updateSharedToken',
    'send.deleteSharedToken',
  ],
  never: [
    'recv.requestTransferAsync',
    'createAPIToken',
    'getAPIToken',
    'getAPITokens',
    'updateAPIToken',
    'deleteAPIToken',
    'wrangler',
    'superuser',
  ],
};
/** All that a login by shared token may call, by hand as well. */
const SHARED = [
  'echo',
  'getRequestStatus',
  'getRequestResult',
  'send.getSharedToken',
  'send.getManifest',
  'send.waitForManifest',
  'send.getManifestFiles',
  'send.createDestination',
  'send.getDestination',
  'send.deleteDestination',
  'send.createTransfer',
  'send.getTransfer',
  'send.waitForTransfer',
  'send.cancelTransfer',
];
const names = Object.keys(METHODS) as MethodName[];
const callable = names.filter((name) => ['user', 'wrangler'].includes(definitionOf(name).access));
const administration = names.filter((name) => definitionOf(name).access === 'superuser');

const lab = new ServerLab();
let owner: LabSocket;
const withPermissions = async (permissions: number): Promise<LabSocket> => {
  const { token } = await owner.call('createAPIToken', { permissions });
  const session = await lab.connect();
  await session.call('authToken', { token });
  return session;
};
/** Stores a shared token of the account that runs the server. */
const storeLink = async (change: Partial<StoredLink> = {}): Promise<string> => {
  const text = newToken();
  const { db, close } = await openDatabase(lab.stateDir);
  const link: StoredLink = {
    id: text.id,
    secretHash: hashSecret(text.secret),
    passwordHash: null,
    description: '',
    manifestId: 'm1',
    creationTimeUs: 1,
    expiryTimeUs: null,
    downloadCount: 0,
    downloadLimit: null,
    owner: userInfo().username,
    ownerToken: null,
    ownerTokenSession: null,
    userData: {},
    ...change,
  };
  await new SqliteLinkStore(db, new GroupCommit(db)).insert(link);
  await close();
  return formatToken(text);
};
/** Code of the answer; what passes the check of rights fails later, at the parameters. */
const codeOf = async (session: LabSocket, method: string): Promise<string> =>
  (await session.fail(method, { noSuchParameter: 1 })).code;
const neededBy = (method: string): string | undefined =>
  Object.keys(NEEDS).find((need) => NEEDS[need]?.includes(method));

beforeAll(async () => {
  await lab.start();
  owner = await lab.connectLocal();
}, 30_000);
afterAll(() => lab.dispose());

describe('permissions of a token', () => {
  test('every method that a user may call is in the table', () => {
    expect(callable.filter((name) => neededBy(name) === undefined)).toEqual([]);
  });

  test.each(Object.keys(PERMISSIONS) as Permission[])(
    'without %s, the methods that need it are refused, and only those',
    async (permission) => {
      const session = await withPermissions(PERMISSIONS_ALL - PERMISSIONS[permission]);
      for (const method of callable) {
        const need = neededBy(method);
        const refused = need === permission || need === 'never';
        const expected = refused ? 'permission_denied' : 'invalid_params';
        expect(await codeOf(session, method), method).toBe(expected);
      }
    },
  );

  test('with one permission alone, or none, nothing else is open', async () => {
    for (const permission of [...Object.keys(PERMISSIONS), null] as (Permission | null)[]) {
      const session = await withPermissions(permission === null ? 0 : PERMISSIONS[permission]);
      for (const method of callable) {
        const open = ['free', permission].includes(neededBy(method) ?? '');
        const expected = open ? 'invalid_params' : 'permission_denied';
        expect(await codeOf(session, method), `${permission} ${method}`).toBe(expected);
      }
    }
  });

  test('administration is closed, also to the token of a superuser', async () => {
    await owner.call('superuser');
    const session = await withPermissions(PERMISSIONS_ALL);
    for (const method of administration) {
      expect(await codeOf(session, method), method).toBe('permission_denied');
    }
  });
});

describe('a login by shared token', () => {
  const enter = async (params: Record<string, unknown>): Promise<LabSocket> => {
    const session = await lab.connect();
    await session.call('authToken', { token: '', ...params });
    return session;
  };
  const refusal = async (token: string, more: Record<string, unknown> = {}) =>
    (await lab.connect()).fail('authToken', { token, ...more });

  test('may call what a download needs, and nothing else at all', async () => {
    const session = await enter({ token: await storeLink() });
    for (const method of names) {
      if (definitionOf(method).access === 'public') continue;
      const expected = SHARED.includes(method) ? 'invalid_params' : 'permission_denied';
      expect(await codeOf(session, method), method).toBe(expected);
    }
  });

  test('sees no directory of its owner, and has a session of its own over HTTP', async () => {
    const token = await storeLink();
    expect(await lab.api('getServerInfo', {}, token)).toMatchObject({
      sandboxed: true,
      tokenSession: 'http from 127.0.0.1',
    });
    expect(
      await lab.apiError('lsAsync', { path: '/' }, { authorization: `Bearer ${token}` }),
    ).toMatchObject({
      code: 'permission_denied',
    });
  });

  test('is refused after the expiry, when it is used up, and with a wrong secret', async () => {
    const expired = await storeLink({ expiryTimeUs: 2 });
    expect(await refusal(expired)).toMatchObject({
      code: 'auth_failed',
      message: expect.stringMatching('expired') as unknown,
    });
    const usedUp = await storeLink({ downloadCount: 1, downloadLimit: 1 });
    expect(await refusal(usedUp)).toMatchObject({
      code: 'auth_failed',
      message: expect.stringMatching('as often') as unknown,
    });
    const right = await storeLink();
    const wrong = `${right.slice(0, -4)}AAAA`;
    const unknown = formatToken(newToken());
    // The same words: nobody learns which ids there are.
    expect(await refusal(wrong)).toEqual(await refusal(unknown));
  });

  test('needs the password, and says so only to who has the secret', async () => {
    const token = await storeLink({ passwordHash: await hashPassword('sesame') });
    expect(await refusal(token)).toMatchObject({ details: { passwordRequired: true } });
    expect(await refusal(token, { password: 'wrong' })).toMatchObject({ code: 'auth_failed' });
    const session = await enter({ token, password: 'sesame' });
    expect(await session.call('echo', { text: 'in' })).toBe('in');
  });

  test('ends with the API token that made the link', async () => {
    const made = await owner.call('createAPIToken', { permissions: PERMISSIONS.CREATE_LINK });
    const ownerToken = made.token.split('.')[1] ?? '';
    const token = await storeLink({ ownerToken, ownerTokenSession: 's' });
    await enter({ token });
    await owner.call('deleteAPIToken', { token: made.token });
    expect((await refusal(token)).code).toBe('auth_failed');
  });
});

test('shared tokens can be switched off', async () => {
  const other = new ServerLab({ apiDisableSharedTokens: true });
  await other.start();
  const session = await other.connectLocal();
  expect((await session.call('getServerInfo')).sharedTokensAvailable).toBe(false);
  await other.dispose();
});
