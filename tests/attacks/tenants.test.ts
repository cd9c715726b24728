/** Attack 16, rclone CVE-2026-59733: what one tenant does, the other neither sees nor feels. */
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { chmodSync, chownSync } from 'node:fs';
import { definitionOf, METHODS, type MethodName } from '@jetstream/contract';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { giveTo, openSessions, type Session, target } from '../conformance/harness/sessions.js';
import { anyCall, type GeneratedCall, type Pool } from './call-generator.js';

const sessions = openSessions();

/** What the second tenant owns. */
interface Tenant {
  readonly session: Session;
  /** The name of its directory, which the attacker knows and says. */
  readonly marker: string;
  /** A text among its names that nobody else ever says, so that no answer may hold it. */
  readonly hidden: string;
  readonly ids: readonly unknown[];
  readonly manifestId: string;
  readonly destinationId: string;
  /** Everything that it can see, as text. */
  view(): Promise<string>;
}

const sandboxed = async (userName: string, directory: string): Promise<void> => {
  const superuser = await sessions.as('superuser');
  await superuser.call('setSandboxMapping', { userName, sandboxRoots: { '': directory } });
};

const VIEWS = [
  ...['send.getManifests', 'send.getDestinations', 'send.getTransfers', 'send.getSharedTokens'],
  'getAPITokens',
];

/** @param root Where the tenant's own files lie, as it names them; '' for the root of its sandbox. */
const openTenant = async (root: string): Promise<Tenant> => {
  const marker = `marker-${randomUUID()}`;
  const hidden = `hidden-${randomUUID()}`;
  const own = `${root}/${marker}`;
  const deep = `${own}/deep/${hidden}`;
  const session = await sessions.fresh('other');
  await session.result('mkdirAsync', { path: deep });
  await session.result('mkFileAsync', { path: `${own}/${hidden}.bin`, size: 4321 });
  const manifest = await session.call<{ manifestId: string }>('send.createManifest', {
    mappings: { [`/${hidden}`]: own },
  });
  const { manifestId } = manifest;
  await session.call('send.waitForManifest', { manifestId, timeoutSeconds: 20 });
  const destination = await session.call<{ destinationId: string }>('send.createDestination', {
    destinationAddress: '127.0.0.1',
    destinationPort: 7,
  });
  const { destinationId } = destination;
  const transfer = await session.call<{ transferId: string }>('send.createTransfer', {
    ...{ manifestId, destinationId, destinationPath: `/${hidden}` },
  });
  const { transferId } = transfer;
  // At rest, so that only others can change it.
  await session.call('send.suspendTransfer', { transferId });
  const shared = await session.call<{ token: string }>('send.createSharedToken', { manifestId });
  const token = await session.call<{ token: string }>('createAPIToken', { description: hidden });
  const listed = await session.call<{ token: string }[]>('getAPITokens');
  const { requestId } = await session.call<{ requestId: number }>('lsAsync', { path: `${root}/` });
  await session.call('getRequestResult', { requestId });
  return {
    session,
    marker,
    hidden,
    manifestId,
    destinationId,
    ids: [
      manifestId,
      destinationId,
      transferId,
      shared.token.split('.').slice(0, 2).join('.'),
      token.token.split('.').slice(0, 2).join('.'),
      ...listed.map((entry) => entry.token),
      requestId,
    ],
    view: async () => {
      const seen: unknown[] = [];
      for (const method of VIEWS) seen.push(await session.call(method));
      seen.push(await session.call('getRequestResult', { requestId }));
      for (const path of [`${root}/`, own, `${own}/deep`, deep]) {
        seen.push(await session.result('lsAsync', { path, calculateHashType: 'MD5' }));
      }
      seen.push(await session.result('duAsync', { path: `${root}/` }));
      // The moment of looking is part of the answer.
      return JSON.stringify(seen, (key, value: unknown) => (key === 'snapshotTime' ? 0 : value));
    },
  };
};

/** Parameters that name an object of the server. */
const ID_PARAMETER = /Id$|^identifier$|^token$/;
const OBJECT_TYPES = ['manifest', 'destination', 'transfer', 'sharedToken'];
/** What else a call with an id must have. */
const FILLED: Readonly<Record<string, unknown>> = {
  milliseconds: 5,
  userData: { taken: true },
  key: 'kept',
  mappings: { '/x': '/own' },
  destinationPath: '/',
};

/** They end the session or the login of the one who calls, and only that. */
const EXCEPT = new Set(['auth', 'authAsync', 'authToken', 'subscribe', 'unsubscribe']);

/** Everything on the disk below a directory: names, owners, modes, sizes, times. */
const diskBelow = (directory: string): string =>
  target.sharesDisk
    ? execFileSync('find', [directory, '-printf', '%P %y %U %G %m %s %T@\n'], { encoding: 'utf8' })
    : '';

/** Every method of the contract that takes ids, with each id of the tenant in turn. */
const callsWithIds = function* (tenant: Tenant): Generator<GeneratedCall> {
  for (const method of Object.keys(METHODS) as MethodName[]) {
    const { params: schema, required } = definitionOf(method);
    const names = Object.keys(schema.shape).filter((name) => ID_PARAMETER.test(name));
    if (EXCEPT.has(method) || names.length === 0) continue;
    const filled = required
      .filter((name) => name in FILLED)
      .map((name) => [name, FILLED[name]] as const);
    const kinds = 'objectType' in schema.shape ? OBJECT_TYPES : [null];
    for (const id of tenant.ids) {
      const ids = names.map((name) => [name, id] as const);
      for (const kind of kinds) {
        const objectType = kind === null ? [] : [['objectType', kind] as const];
        yield { method, params: Object.fromEntries<unknown>([...ids, ...filled, ...objectType]) };
      }
    }
  }
};

/** Transfers half of whose parts are the tenant's. */
const takeParts = async (
  attacker: Session,
  { manifestId, destinationId }: Tenant,
): Promise<void> => {
  const own = await attacker.call<{ destinationId: string }>('send.createDestination', {
    ...{ destinationAddress: '127.0.0.1', destinationPort: 9 },
  });
  const mixed = [
    { manifestId, destinationId: own.destinationId },
    { manifestId, destinationId },
  ];
  for (const params of mixed) {
    const taking = attacker.call('send.createTransfer', params);
    await expect(taking).rejects.toMatchObject({ code: 'not_found' });
  }
};

/** One call and the result of the request that it may have made, which say nothing of the tenant. */
const callOnce = async (
  { session, tenant }: { session: Session; tenant: Tenant },
  { method, params }: GeneratedCall,
): Promise<void> => {
  const given = JSON.stringify(params);
  const answer = await session.call(method, params).catch((error: unknown) => {
    expect((error as { code: string }).code, `${method} ${given}`).not.toBe('internal');
    return null;
  });
  const requestId = (answer as { requestId?: unknown } | null)?.requestId;
  const result =
    typeof requestId === 'number'
      ? await session.call('getRequestResult', { requestId }).catch(() => null)
      : null;
  expect(JSON.stringify([answer, result]), `${method} ${given}`).not.toContain(tenant.hidden);
};

/** Random calls of `user`, none of which may change or show anything of the tenant. */
const attack = async (tenant: Tenant, pool: Pool, disk: string): Promise<void> => {
  const attacker = await sessions.fresh('user');
  const before = await tenant.view();
  const diskBefore = diskBelow(disk);
  expect(before).toContain(tenant.hidden);
  await takeParts(attacker, tenant);
  for (const call of callsWithIds(tenant)) await callOnce({ session: attacker, tenant }, call);
  expect(await tenant.view()).toBe(before);
  const seed = Number(process.env.JETSTREAM_ATTACK_SEED || Date.now() % SEED_LIMIT);
  console.log(`tenants: the calls of JETSTREAM_ATTACK_SEED=${seed}`);
  await fc.assert(
    fc.asyncProperty(anyCall(pool, EXCEPT), (call) =>
      callOnce({ session: attacker, tenant }, call),
    ),
    { seed, numRuns: Number(process.env.JETSTREAM_ATTACK_RUNS || 250) },
  );
  const events = await attacker.call('getEventLog');
  const foreign = (events as { eventLog: { owner?: string }[] }).eventLog.filter(
    ({ owner }) => owner !== undefined && owner !== target.user.userName,
  );
  expect(foreign).toEqual([]);
  expect(await tenant.view()).toBe(before);
  expect(diskBelow(disk)).toBe(diskBefore);
};

/** fast-check takes seeds of 32 bits. */
const SEED_LIMIT = 2 ** 31;

const TEXTS = ['127.0.0.1', 'MD5', '*', '%', "' or 1=1 --"];
const timeout = 180_000;

/** A directory for each, of the account that it is for. */
const makeHomes = async (): Promise<string> => {
  const base = await sessions.scratch();
  const user = await sessions.as('user');
  for (const name of ['a', 'b']) await user.result('mkdirAsync', { path: `${base}/${name}` });
  if (target.fileOwners === null) return base;
  giveTo('other', `${base}/b`);
  chmodSync(`${base}/b`, 0o700);
  // Whoever owns the directory above may rename the home of another account, as on any system.
  chownSync(base, 0, 0);
  chmodSync(base, 0o755);
  return base;
};

describe('attack 16, rclone CVE-2026-59733: isolation of tenants', () => {
  it('random calls of one user never change or show anything of another', { timeout }, async () => {
    const base = await makeHomes();
    await sandboxed(target.user.userName, `${base}/a`);
    await sandboxed(target.other.userName, `${base}/b`);
    try {
      const tenant = await openTenant('');
      const user = await sessions.fresh('user');
      await user.result('mkdirAsync', { path: '/own/deep' });
      const paths = ['/', '/own', '/own/x', `/${tenant.marker}`];
      const pool: Pool = {
        ids: [...tenant.ids, 1, 'ab12', tenant.marker],
        paths: [...paths, `/../b/${tenant.marker}`, `${base}/b`],
        texts: [tenant.marker, target.other.userName, ...TEXTS],
      };
      await attack(tenant, pool, `${base}/b`);
    } finally {
      const superuser = await sessions.as('superuser');
      for (const { userName } of [target.user, target.other]) {
        await superuser.call('deleteSandboxMapping', { userName });
      }
    }
  });

  it.skipIf(target.fileOwners === null)(
    'nor where only the permissions of the system lie between them',
    { timeout },
    async () => {
      const base = await makeHomes();
      const tenant = await openTenant(`${base}/b`);
      const theirs = `${base}/b/${tenant.marker}`;
      const pool: Pool = {
        ids: [...tenant.ids, 1, 'ab12', tenant.marker],
        // Nothing else of the machine: whatever the attacker may write there would be gone.
        paths: [`${base}/a`, `${base}/a/x`, `${base}/b`, theirs, `${theirs}/deep`],
        texts: [tenant.marker, target.other.userName, ...TEXTS],
      };
      await attack(tenant, pool, `${base}/b`);
    },
  );
});
