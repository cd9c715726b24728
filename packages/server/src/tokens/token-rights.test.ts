import {
  definitionOf,
  METHODS,
  type MethodName,
  PERMISSIONS,
  PERMISSIONS_ALL,
} from '@jetstream/contract';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type LabSocket, ServerLab } from '../server-lab.conformance.js';

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
  UPLOAD: ['recvDiscoverPacketAsync', 'recv.getSourcesAsync', 'recv.getTransfersAsync'],
  DOWNLOAD: [
    'sendDiscoverPacketAsync',
    ...Object.keys(METHODS).filter((name) => name.startsWith('send.')),
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
