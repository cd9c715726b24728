/** Attack 16, rclone CVE-2026-59733: what one tenant does, the other neither sees nor feels. */
import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openSessions, type Session, target } from '../conformance/harness/sessions.js';
import { anyCall, type Pool } from './call-generator.js';

const sessions = openSessions();

/** What the second tenant owns; its names hold a marker that nobody else may ever see. */
interface Tenant {
  readonly session: Session;
  readonly marker: string;
  readonly ids: readonly unknown[];
  /** Everything that it can see, as text. */
  view(): Promise<string>;
}

const sandboxed = async (userName: string, directory: string): Promise<void> => {
  const superuser = await sessions.as('superuser');
  await superuser.call('setSandboxMapping', { userName, sandboxRoots: { '': directory } });
};

const VIEWS = ['send.getManifests', 'send.getDestinations', 'send.getTransfers', 'getAPITokens'];

const openTenant = async (directory: string): Promise<Tenant> => {
  const marker = `marker-${randomUUID()}`;
  const session = await sessions.fresh('other');
  await session.result('mkdirAsync', { path: `/${marker}/deep` });
  await session.result('mkFileAsync', { path: `/${marker}/file.bin`, size: 4321 });
  const manifest = await session.call<{ manifestId: string }>('send.createManifest', {
    mappings: { [`/${marker}`]: `/${marker}` },
  });
  const { manifestId } = manifest;
  await session.call('send.waitForManifest', { manifestId, timeoutSeconds: 20 });
  const destination = await session.call<{ destinationId: string }>('send.createDestination', {
    destinationAddress: '127.0.0.1',
    destinationPort: 9,
  });
  const token = await session.call<{ token: string }>('createAPIToken', { description: marker });
  const listed = await session.call<{ token: string }[]>('getAPITokens');
  const { requestId } = await session.call<{ requestId: number }>('lsAsync', { path: '/' });
  await session.call('getRequestResult', { requestId });
  return {
    session,
    marker,
    ids: [
      manifestId,
      destination.destinationId,
      token.token.split('.').slice(0, 2).join('.'),
      ...listed.map((entry) => entry.token),
      requestId,
    ],
    view: async () => {
      const seen: unknown[] = [];
      for (const method of VIEWS) seen.push(await session.call(method));
      seen.push(await session.call('getRequestResult', { requestId }));
      for (const path of ['/', `/${marker}`, `/${marker}/deep`]) {
        seen.push(await session.result('lsAsync', { path, calculateHashType: 'MD5' }));
      }
      seen.push(await session.result('duAsync', { path: '/' }));
      expect(directory).not.toBe('');
      return JSON.stringify(seen);
    },
  };
};

/** They end the session or the login of the one who calls, and only that. */
const EXCEPT = new Set(['auth', 'authAsync', 'authToken', 'subscribe', 'unsubscribe']);

describe('attack 16, rclone CVE-2026-59733: isolation of tenants', () => {
  it('random calls of one user never change or show anything of another', {
    timeout: 120_000,
  }, async () => {
    const base = await sessions.scratch();
    const user = await sessions.as('user');
    for (const name of ['a', 'b']) await user.result('mkdirAsync', { path: `${base}/${name}` });
    await sandboxed(target.user.userName, `${base}/a`);
    await sandboxed(target.other.userName, `${base}/b`);
    try {
      const tenant = await openTenant(`${base}/b`);
      const attacker = await sessions.fresh('user');
      await attacker.result('mkdirAsync', { path: '/own/deep' });
      const pool: Pool = {
        ids: [...tenant.ids, 1, 'ab12', tenant.marker],
        paths: ['/', '/own', '/own/x', `/${tenant.marker}`, `/../b/${tenant.marker}`, `${base}/b`],
        texts: [tenant.marker, target.other.userName, '127.0.0.1', 'MD5', '*', '%', "' or 1=1 --"],
      };
      const before = await tenant.view();
      expect(before).toContain(tenant.marker);
      await fc.assert(
        fc.asyncProperty(anyCall(pool, EXCEPT), async ({ method, params }) => {
          const given = JSON.stringify(params);
          const answer = await attacker.call(method, params).catch((error: unknown) => {
            expect((error as { code: string }).code, `${method} ${given}`).not.toBe('internal');
            return null;
          });
          const requestId = (answer as { requestId?: unknown } | null)?.requestId;
          const result =
            typeof requestId === 'number'
              ? await attacker.call('getRequestResult', { requestId }).catch(() => null)
              : null;
          // Its own words may come back to the attacker; nothing else of the tenant may.
          if (given.includes(tenant.marker)) return;
          expect(JSON.stringify([answer, result]), method).not.toContain(tenant.marker);
        }),
        { numRuns: Number(process.env.JETSTREAM_ATTACK_RUNS || 250) },
      );
      const events = await attacker.call('getEventLog');
      const foreign = (events as { eventLog: { owner?: string }[] }).eventLog.filter(
        ({ owner }) => owner !== undefined && owner !== target.user.userName,
      );
      expect(foreign).toEqual([]);
      expect(await tenant.view()).toBe(before);
    } finally {
      const superuser = await sessions.as('superuser');
      for (const { userName } of [target.user, target.other]) {
        await superuser.call('deleteSandboxMapping', { userName });
      }
    }
  });
});
