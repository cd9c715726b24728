import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PERMISSIONS, type SharedTokenStructure } from '@jetstream/contract';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Caller } from '../sessions/caller.js';
import { COMPLETE, codeOf, DomainLab } from '../transfers/domain-lab.conformance.js';
import { LINK_LIMITS } from './limits.js';

const HOUR_MS = 3_600_000;

let lab: DomainLab;
beforeEach(async () => {
  lab = await DomainLab.open({ apiDisableSharedTokens: false });
});
afterEach(() => lab.close());

const other = (): Caller => lab.caller({ userName: 'other' });
const boss = (): Caller => lab.caller({ level: 'wrangler', userName: 'boss' });
const idOf = ({ token }: SharedTokenStructure): string => token.split('.')[1] ?? token;

/** A login by a shared token, as the login service makes it. */
const holder = (shared: SharedTokenStructure, session = 's1'): Caller =>
  lab.caller({
    token: {
      id: idOf(shared),
      session,
      permissions: PERMISSIONS.DOWNLOAD,
      path: null,
      manifestId: shared.manifestId,
    },
    roots: new Map(),
  });

const share = async (
  options: Record<string, unknown> = {},
  caller = lab.caller(),
): Promise<SharedTokenStructure> => {
  const { manifestId } = await lab.manifest(1000, caller);
  return lab.call('send.createSharedToken', { manifestId, ...options }, caller);
};

const redeem = async (shared: SharedTokenStructure, session = 's1', more = {}) => {
  const caller = holder(shared, session);
  const { destinationId } = await lab.call(
    'send.createDestination',
    { destinationAddress: `${session}.example` },
    caller,
  );
  const { manifestId } = shared;
  return lab.call('send.createTransfer', { manifestId, destinationId, ...more }, caller);
};

describe('createSharedToken', () => {
  it('shows the secret once, and keeps a hash of it', async () => {
    const shared = await share({ description: 'x' });
    expect(shared.token).toMatch(/^js1\.[\w-]{16}\.[\w-]{27}$/);
    const seen = await lab.call('send.getSharedToken', { token: shared.token });
    expect(seen).toEqual({ ...shared, token: idOf(shared) });
    const row = await lab.database.db.selectFrom('sharedTokens').selectAll().executeTakeFirst();
    const secret = shared.token.split('.')[2] ?? '';
    expect(JSON.stringify(row)).not.toContain(secret);
    const events = await lab.eventsOf('sharedTokenCreated');
    expect(JSON.stringify(events)).not.toContain(secret);
  });

  it('refuses a manifest of another user, and one that is not there', async () => {
    const { manifestId } = await lab.manifest();
    const asOther = lab.call('send.createSharedToken', { manifestId }, other());
    expect(await codeOf(asOther)).toBe('not_found');
    const missing = lab.call('send.createSharedToken', { manifestId: 'none' });
    expect(await codeOf(missing)).toBe('not_found');
  });

  // File Browser GHSA-3q2p-72cj-682c
  it('attack 5: refuses what does not exist yet, so nothing that comes later is shared', async () => {
    const mappings = { '/later': '/later' };
    const { manifestId } = await lab.call('send.createManifest', { mappings });
    await lab.call('send.waitForManifest', { manifestId });
    const early = lab.call('send.createSharedToken', { manifestId });
    expect(await codeOf(early)).toBe('manifest_not_ready');
    writeFileSync(join(lab.dir, 'later'), 'secret');
    const late = lab.call('send.createSharedToken', { manifestId });
    expect(await codeOf(late)).toBe('manifest_not_ready');
  });

  it('is off when the server was started so', async () => {
    const off = await DomainLab.open({ apiDisableSharedTokens: true });
    const { manifestId } = await off.manifest();
    const made = off.call('send.createSharedToken', { manifestId });
    expect(await codeOf(made)).toBe('permission_denied');
    await off.close();
  });
});

describe('who sees a shared token', () => {
  it('its owner, the token session that made it, wranglers, and nobody else', async () => {
    const shared = await share();
    lab.clock.advance(1);
    const byToken = await share({}, lab.tokenCaller('a'));
    const seenBy = async (caller: Caller): Promise<string[]> =>
      (await lab.call('send.getSharedTokens', {}, caller)).map(({ token }) => token);
    expect(await seenBy(lab.caller())).toEqual([idOf(shared), idOf(byToken)]);
    expect(await seenBy(boss())).toEqual([idOf(shared), idOf(byToken)]);
    expect(await seenBy(lab.tokenCaller('a'))).toEqual([idOf(byToken)]);
    expect(await seenBy(lab.tokenCaller('b'))).toEqual([]);
    expect(await seenBy(other())).toEqual([]);
    for (const method of ['send.getSharedToken', 'send.deleteSharedToken'] as const) {
      const call = lab.call(method, { token: idOf(shared) }, other());
      expect(await codeOf(call), method).toBe('not_found');
    }
  });

  it('whoever holds it may look at it, and at no other', async () => {
    const shared = await share();
    const another = await share();
    const mine = await lab.call('send.getSharedToken', { token: shared.token }, holder(shared));
    expect(mine.manifestId).toBe(shared.manifestId);
    const others = lab.call('send.getSharedToken', { token: idOf(another) }, holder(shared));
    expect(await codeOf(others)).toBe('not_found');
  });
});

describe('the files of a link', () => {
  // File Browser GHSA-mr74-928f-rw69
  it('attack 3: are those of its manifest, without a word about where they lie', async () => {
    const shared = await share();
    const beside = await lab.manifest(2000);
    const { manifestId } = shared;
    const listed = await lab.call('send.getManifestFiles', { manifestId }, holder(shared));
    expect(listed.fileMappings).toMatchObject([{ srcPath: '', destPath: '/out.bin' }]);
    for (const method of ['send.getManifest', 'send.getManifestFiles'] as const) {
      const call = lab.call(method, { manifestId: beside.manifestId }, holder(shared));
      expect(await codeOf(call), method).toBe('not_found');
    }
    const { destinationId } = await lab.call(
      'send.createDestination',
      { destinationAddress: 'far.example' },
      holder(shared),
    );
    const stray = { manifestId: beside.manifestId, destinationId };
    expect(await codeOf(lab.call('send.createTransfer', stray, holder(shared)))).toBe('not_found');
    const { downloadCount } = await lab.call('send.getSharedToken', { token: shared.token });
    expect(downloadCount).toBe(0);
  });

  it('stay while a valid link refers to them', async () => {
    const shared = await share({ timeLimitSeconds: 1000 * 3600 });
    const { manifestId } = shared;
    expect(await codeOf(lab.call('send.deleteManifest', { manifestId }))).toBe('conflict');
    lab.clock.advance(999 * HOUR_MS);
    await lab.collect({ force: true });
    expect(await codeOf(lab.call('send.getManifest', { manifestId }))).toBe('no error');
    lab.clock.advance(HOUR_MS);
    expect(await lab.collect()).toMatchObject({ manifests: 1 });
    expect(await codeOf(lab.call('send.getManifest', { manifestId }))).toBe('not_found');
  });

  it('can be deleted when the link is', async () => {
    const { manifestId, token } = await share();
    await lab.call('send.deleteSharedToken', { token });
    expect(await lab.call('send.deleteManifest', { manifestId })).toBeNull();
  });

  it('are not lost to a removal at the same moment', async () => {
    for (let round = 0; round < 20; round += 1) {
      const { manifestId } = await lab.manifest(round);
      const [made, removed] = await Promise.all([
        codeOf(lab.call('send.createSharedToken', { manifestId })),
        codeOf(lab.call('send.deleteManifest', { manifestId })),
      ]);
      const there = await codeOf(lab.call('send.getManifest', { manifestId }));
      expect([made, removed, there]).toEqual(
        made === 'no error'
          ? ['no error', 'conflict', 'no error']
          : ['not_found', 'no error', 'not_found'],
      );
    }
  });
});

describe('redeeming by a server', () => {
  it('counts each transfer, and holds the limit under concurrent calls', async () => {
    const shared = await share({ downloadLimit: 3 });
    const outcomes = await Promise.all(
      Array.from({ length: 12 }, (_, number) => codeOf(redeem(shared, `s${number}`))),
    );
    expect(outcomes.filter((code) => code === 'no error')).toHaveLength(3);
    expect(outcomes.filter((code) => code === 'conflict')).toHaveLength(9);
    const seen = await lab.call('send.getSharedToken', { token: shared.token });
    expect(seen.downloadCount).toBe(3);
    expect(await lab.eventsOf('downloadStarted')).toHaveLength(3);
  });

  it('does not count what could not begin', async () => {
    const shared = await share({ downloadLimit: 1 });
    const { manifestId } = shared;
    const gone = { manifestId, destinationId: 'gone:1' };
    expect(await codeOf(lab.call('send.createTransfer', gone, holder(shared)))).toBe('not_found');
    expect((await redeem(shared)).processing).toBe(true);
  });

  it('shows a transfer to the session that made it, and to the owner of the link', async () => {
    const shared = await share();
    const { transferId } = await redeem(shared, 'mine');
    const show = (caller: Caller) => codeOf(lab.call('send.getTransfer', { transferId }, caller));
    expect(await show(holder(shared, 'mine'))).toBe('no error');
    expect(await show(holder(shared, 'theirs'))).toBe('not_found');
    expect(await show(lab.caller())).toBe('no error');
  });

  it('pushes nobody aside', async () => {
    const shared = await share();
    expect(await codeOf(redeem(shared, 's1', { priority: 1 }))).toBe('permission_denied');
    const destination = { destinationAddress: 'a.example', sendRateMax: 1e6 };
    const greedy = { ...destination, rateControlMethod: 'fixed' } as const;
    const asked = lab.call('send.createDestination', greedy, holder(shared));
    expect(await codeOf(asked)).toBe('permission_denied');
  });

  it('takes the place of the oldest destination that is not in use', async () => {
    const shared = await share();
    const first = await redeem(shared, 'first');
    const make = (number: number) =>
      lab.call(
        'send.createDestination',
        { destinationAddress: `h${number}.example` },
        holder(shared),
      );
    for (let number = 0; number < LINK_LIMITS.destinationsPerLinkMax + 5; number += 1) {
      await make(number);
    }
    const left = await lab.call('send.getDestinations', {});
    expect(left).toHaveLength(LINK_LIMITS.destinationsPerLinkMax);
    expect(left[0]?.destinationId).toBe(first.destinationId);
  });

  it('goes on when the link is deleted', async () => {
    const shared = await share();
    const { transferId } = await redeem(shared);
    await lab.sent(transferId);
    await lab.call('send.deleteSharedToken', { token: shared.token });
    expect(lab.endedTokens).toEqual([idOf(shared)]);
    expect(await codeOf(redeem(shared))).toBe('not_found');
    lab.plane.end(transferId, COMPLETE);
    await lab.settled();
    expect((await lab.show(transferId)).status).toBe('complete');
  });
});

describe('the life of a shared token', () => {
  it('survives a restart', async () => {
    const shared = await share({ description: 'kept', downloadLimit: 5, password: 'sesame' });
    await lab.restart();
    const seen = await lab.call('send.getSharedToken', { token: shared.token });
    expect(seen).toEqual({ ...shared, token: idOf(shared) });
  });

  it('is gone within two hours of its expiry, by itself', async () => {
    const { token } = await share({ timeLimitSeconds: 60 });
    lab.clock.advance(60_000);
    expect(await codeOf(lab.call('send.getSharedToken', { token }))).toBe('no error');
    lab.clock.advance(2 * HOUR_MS - 60_000);
    await lab.settled();
    expect(await codeOf(lab.call('send.getSharedToken', { token }))).toBe('not_found');
    expect(await lab.eventsOf('sharedTokenExpired')).toHaveLength(1);
  });

  it('can be changed until it has expired', async () => {
    const { token } = await share({ timeLimitSeconds: 60, downloadLimit: 1 });
    const params = { token, downloadLimit: 7, description: 'new', password: 'sesame' };
    expect(await lab.call('send.updateSharedToken', params)).toMatchObject({
      downloadLimit: 7,
      description: 'new',
      passwordRequired: true,
    });
    const longer = await lab.call('send.updateSharedToken', { token, timeLimitSeconds: 120 });
    expect(longer.expiryTime).toBe(lab.clock.nowUs() + 120e6);
    lab.clock.advance(120_000);
    const late = lab.call('send.updateSharedToken', { token, timeLimitSeconds: 120 });
    expect(await codeOf(late)).toBe('not_found');
  });

  // File Browser GHSA-pp88-jhwj-5qh5
  it('attack 7: a link to a directory is one link, with and without a slash at the end', async () => {
    await lab.manifest();
    const made = [];
    for (const path of ['/in', '/in/']) {
      const { manifestId } = await lab.call('send.createManifest', { mappings: { '/x': path } });
      await lab.call('send.waitForManifest', { manifestId });
      const files = await lab.call('send.getManifestFiles', { manifestId });
      made.push({ manifestId, files: files.fileMappings });
    }
    expect(made[0]?.files).toEqual(made[1]?.files);
    const manifestId = made[1]?.manifestId ?? '';
    const shared = await lab.call('send.createSharedToken', { manifestId });
    await lab.call('send.deleteSharedToken', { token: idOf(shared) });
    expect(await codeOf(redeem(shared))).toBe('not_found');
    const row = await lab.database.db.selectFrom('sharedTokens').selectAll().executeTakeFirst();
    expect(row).toBeUndefined();
  });
});
