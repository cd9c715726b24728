/**
 * Every event of the table is brought about here and held against its documented structure. That
 * code appends no other is checked by the compiler, which takes names and fields from the table.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../adapters/clock/clock.js';
import { ManualClock } from '../adapters/clock/manual-clock.js';
import { type OpenDatabase, openDatabase } from '../adapters/database/database.js';
import { GroupCommit } from '../adapters/database/group-commit.js';
import { SqliteSettingStore } from '../adapters/database/settings.js';
import { silentLogger } from '../adapters/log/logger.js';
import { DownloadDesk } from '../links/pages/download-desk.js';
import { SqliteLinkStore } from '../links/sqlite-link-store.js';
import { type LabSocket, ServerLab } from '../server-lab.conformance.js';
import { LOGIN_LIMITS } from '../sessions/limits.js';
import { COMPLETE, DomainLab, keyOf, peerOf } from '../transfers/domain-lab.conformance.js';
import { until } from '../transfers/until.conformance.js';
import { runTrigger } from '../triggers/run-trigger.js';
import { TriggerService } from '../triggers/trigger-service.js';
import { openUsers } from '../users/open-users.js';
import { WebhookCourier } from '../webhooks/webhook-courier.js';
import { webhookHandlers } from '../webhooks/webhook-handlers.js';
import { WebhookStore } from '../webhooks/webhook-store.js';
import type { EventDefinition } from './event-fields.js';
import { EVENTS } from './event-names.js';
import { eventsDocument } from './events-document.js';
import { FollowerLab } from './follower-lab.conformance.js';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 120_000 });

interface Seen {
  readonly name: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** What has come into the logs of both labs. */
const seen: Seen[] = [];

const of = (name: keyof typeof EVENTS): Readonly<Record<string, unknown>>[] =>
  seen.filter((event) => event.name === name).map(({ fields }) => fields);

const isOfType = (type: string, value: unknown): boolean => {
  const [base, ...rest] = type.split(' or ');
  if (value === null) return rest.includes('null') || base === 'JSON';
  if (base === 'text') return typeof value === 'string';
  if (base === 'integer') return Number.isInteger(value);
  if (base === 'number') return typeof value === 'number';
  if (base === 'true') return typeof value === 'boolean';
  return base === 'JSON';
};

/** Everything that the control plane tells of. */
class ControlStory {
  readonly clock = new ManualClock(Math.round(systemClock.nowUs()));
  readonly lab = new ServerLab({}, this.clock);
  readonly files = mkdtempSync(join(tmpdir(), 'jetstream-events-'));
  boss!: LabSocket;

  async tell(): Promise<void> {
    await this.lab.start();
    await this.users();
    this.boss = await this.lab.connectLocal();
    await this.boss.call('superuser');
    await this.tokens();
    await this.rights();
    await this.settings();
    await this.fileOperations();
    await this.guess();
    const last = await this.lab.connectLocal();
    await last.call('superuser');
    await last.call('terminate');
    await this.lab.server.closed;
    const database: OpenDatabase = await openDatabase(this.lab.stateDir);
    const rows = await database.db.selectFrom('events').select(['name', 'fields']).execute();
    for (const { name, fields } of rows)
      seen.push({ name, fields: JSON.parse(fields) as object as Seen['fields'] });
    await database.close();
  }

  async users(): Promise<void> {
    await this.lab.addUser('ann');
    await using opened = await openUsers(this.lab.stateDir);
    const { users } = opened;
    await users.add('carl', 'carl-password');
    await users.setPassword('carl', 'another-password');
    await users.setLocked('carl', true);
    await users.setLocked('carl', false);
    await users.remove('carl');
    await users.remove('carl').catch(() => {});
  }

  async tokens(): Promise<void> {
    const { boss } = this;
    const made = { description: 'for a script', timeLimitSeconds: 30 };
    const { token } = await boss.call('createAPIToken', made);
    await boss.call('updateAPIToken', { token, description: 'for two scripts' });
    const scripted = await this.lab.connect();
    await scripted.call('authToken', { token, tokenSession: 'night' });
    const other = await boss.call('createAPIToken', {});
    await boss.call('deleteAPIToken', { token: other.token });
    this.clock.advance(31_000);
    await boss.call('garbageCollect', { force: true });
  }

  async rights(): Promise<void> {
    const { boss } = this;
    const ann = await this.lab.connectUser('ann');
    await ann.fail('superuser');
    await boss.call('addWranglerAsync', { name: 'ann' });
    const { users } = await boss.call('getWranglers');
    const wrangler = users.find(({ name }) => name === 'ann');
    await boss.call('deleteWrangler', { identifier: wrangler?.id ?? '' });
    await boss.call('setSandboxMapping', { userName: 'ann', sandboxRoots: { '': this.files } });
    await boss.call('deleteSandboxMapping', { userName: 'ann' });
  }

  async settings(): Promise<void> {
    const { boss } = this;
    await boss.call('updateBandwidthLimits', { outgoingRateLimit: 1e6, outgoingLimitActive: true });
    const night = { days: ['mon' as const], from: '20:00', to: '06:00', outgoingRateLimit: 1e5 };
    await boss.call('setBandwidthTimetable', { entries: [night] });
    await boss.call('setExternalAddress', { address: 'files.example:8886' });
    await boss.call('setLicenseKeyAsync', { key: 'not a key' });
    await boss.call('updateGarbageCollectSettings', { intervalSeconds: 600 });
  }

  async fileOperations(): Promise<void> {
    const { boss, files } = this;
    await boss.finish('mkdirAsync', { path: join(files, 'a') });
    await boss.finish('mkFileAsync', { path: join(files, 'a/b'), size: 10 });
    await boss.finish('mvAsync', { path: join(files, 'a/b'), newPath: join(files, 'a/c') });
    await boss.finish('rmAsync', { path: join(files, 'a/c') });
    await boss.finishFailing('rmAsync', { path: join(files, 'a/c') });
  }

  async guess(): Promise<void> {
    const authorization = `Basic ${Buffer.from('ann:wrong').toString('base64')}`;
    for (let attempt = 0; attempt < LOGIN_LIMITS.accountLockFailures; attempt += 1) {
      this.clock.advance(200_000);
      await this.lab.apiError('echo', {}, { authorization });
    }
    // Refusals while it is locked are no events, or guessing would fill the log.
    await this.lab.apiError('echo', {}, { authorization });
  }

  async close(): Promise<void> {
    await this.lab.dispose();
    rmSync(this.files, { recursive: true });
  }
}

/** Everything that the part that moves files tells of. */
const tellOfTransfers = async (lab: DomainLab): Promise<void> => {
  const boss = lab.caller({ userName: 'boss', level: 'superuser' });
  const { transferId, manifestId, destinationId } = await lab.transfer();
  await lab.sent(transferId);
  lab.plane.events.sendStarted(transferId, peerOf(1));
  lab.plane.end(transferId, COMPLETE);
  await lab.call('send.waitForTransfer', { transferId });
  const object = { objectType: 'transfer', objectId: transferId } as const;
  await lab.call('send.updateObjectUserData', { ...object, userData: { shot: 12 } });
  await lab.call('send.updateDestination', { destinationId, sendRateMax: 1000 });
  const waiting = await lab.transfer();
  await lab.call('send.updateTransfer', { transferId: waiting.transferId, priority: 5 });
  lab.remote = lab.remoteBy(lab.caller({ userName: 'remote' }));
  const wish = { remoteAddress: '192.0.2.9', mappings: { '/x': '/in/1000.bin' } };
  const login = { userName: 'remote', password: 'secret', destinationPath: '/in', wait: false };
  await lab.finish('recv.requestTransferAsync', { ...wish, ...login });
  await lab.call('send.cancelTransfer', { transferId: waiting.transferId });
  await lab.call('send.deleteTransfer', { transferId: waiting.transferId }, boss);
  await lab.call('send.deleteManifest', { manifestId: waiting.manifestId }, boss);
  await lab.call('send.deleteTransfer', { transferId }, boss);
  await lab.call('send.deleteManifest', { manifestId }, boss);
  await lab.call('send.deleteDestination', { destinationId });
  const failed = await lab.call('send.createManifest', { mappings: { '/x': '/not there' } });
  await lab.call('send.waitForManifest', { manifestId: failed.manifestId });

  const clientPublicKey = keyOf(1);
  await lab.finish('recv.addAuthorizedClientAsync', { clientPublicKey }, boss);
  const peer = peerOf(1);
  const facts = {
    token: null,
    destinationPath: 'in',
    overwriteMode: 4,
    checkpointSeconds: 5,
    transferFlags: 3,
  };
  for (const id of ['aa', 'bb']) {
    const offer = { transferId: id.repeat(16), peer, ...facts, totalFiles: 1, totalBytes: 10 };
    expect(await lab.plane.events.receiveOffered(offer)).toMatchObject({ accepted: true });
  }
  const receipt = { fileErrors: [], receiptPath: '/r.json', bytes: 10, files: 1 };
  lab.plane.events.receiveEnded('aa'.repeat(16), { kind: 'complete', ...receipt });
  const error = { code: 'io_error', message: 'no' } as const;
  lab.plane.events.receiveEnded('bb'.repeat(16), { kind: 'failed', ...error });
  await lab.finish('recv.removeAuthorizedClientAsync', { clientPublicKey }, boss);
  const only = { onlyAuthorizedClientsAllowed: true };
  await lab.finish('recv.allowOnlyAuthorizedClientsAsync', only, boss);
  await lab.settled();
  await lab.collect({ force: true });
};

/** What there is to tell of download links. */
const tellOfLinks = async (lab: DomainLab): Promise<void> => {
  const { manifestId } = await lab.manifest(7);
  const shared = await lab.call('send.createSharedToken', { manifestId, timeLimitSeconds: 60 });
  await lab.call('send.createSharedToken', { manifestId, timeLimitSeconds: 1 });
  const token = shared.token.split('.')[1] ?? '';
  await lab.call('send.updateSharedToken', { token, description: 'for the studio' });
  const guest = lab.caller({
    token: { id: token, session: 'guest', permissions: 1, path: null, manifestId },
  });
  const destination = { destinationAddress: 'guest.example' };
  const { destinationId } = await lab.call('send.createDestination', destination, guest);
  await lab.call('send.createTransfer', { manifestId, destinationId }, guest);
  const { events, clock } = lab;
  const store = new SqliteLinkStore(lab.database.db, new GroupCommit(lab.database.db));
  const desk = new DownloadDesk({ store, events, clock, log: silentLogger });
  const link = await store.find(token);
  const place = desk.enter('192.0.2.8');
  if (link === null || place === null) throw new Error('the link is not there');
  const order = { link, kind: 'file', destPath: '/out.bin', key: 'k', bytes: 7 } as const;
  const whole = { ...order, address: '192.0.2.8', takes: 'whole', reachesEnd: true } as const;
  expect(await desk.begin(whole)).toBe('counted');
  const stream = Readable.from([Buffer.alloc(7)]);
  desk.watch(whole, stream, place);
  await finished(stream);
  await lab.call('send.deleteSharedToken', { token });
  lab.clock.advance(2 * 3_600_000);
  await lab.settled();
};

const tellOfDiscovery = async (lab: DomainLab): Promise<void> => {
  const caller = lab.tokenCaller('night');
  const expected: string[] = [];
  lab.plane.expectDiscovery = (id?: string) => void expected.push(id ?? '');
  const received = lab.finish('recvDiscoverPacketAsync', {}, caller);
  await until('the discovery is expected', () => expected.length > 0);
  lab.plane.events.discovered(expected[0] ?? '', { address: '192.0.2.7', port: 54_946 });
  await received;
  const peer = { destinationAddress: 'receiver.example', destinationPort: 9000 };
  let isSent = false;
  const sent = lab.finish('sendDiscoverPacketAsync', { discoverId: 'ab'.repeat(16), ...peer });
  void sent.then(() => {
    isSent = true;
  });
  await until('the packets are sent', () => {
    lab.clock.advance(100);
    return isSent;
  });
};

/** Everything that those tell of who act upon the log. */
const tellOfFollowers = async (): Promise<void> => {
  const lab = await FollowerLab.open();
  const directory = join(lab.dir, 'triggers');
  mkdirSync(directory, { mode: 0o755 });
  writeFileSync(join(directory, 'userAdded'), '#!/bin/sh\nexit 0\n', { mode: 0o755 });
  writeFileSync(join(directory, 'userLocked'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
  const { events, clock, database, commits } = lab;
  const settled = (): Promise<void> => Promise.resolve();
  const shared = { events, clock, settled, logger: silentLogger };
  const triggers = new TriggerService({
    ...{ ...shared, directory, isNamed: true, timeLimitSeconds: 60, logsDetail: false },
    afterSeq: 0,
    settings: new SqliteSettingStore(database.db, commits),
    senderOf: () => Promise.resolve(''),
    run: runTrigger,
  });
  const store = new WebhookStore(database.db, commits);
  const courier = new WebhookCourier({ ...shared, store, allowPrivate: false });
  events.onAppended(() => {
    triggers.wake();
    courier.wake();
  });
  await courier.start();
  triggers.start(1);
  const services = { store, courier, events, clock, allowPrivate: false };
  const { createWebhook, deleteWebhook } = webhookHandlers(services);
  const call = { caller: { userName: 'boss' } } as never;
  const params = { url: 'http://localhost/', events: ['userAdded'] };
  const { webhookId } = await createWebhook(params, call);
  await events.append('userAdded', { userName: 'ann' });
  await events.append('userLocked', { userName: 'ann' });
  for (const name of ['triggerFinished', 'triggerFailed']) {
    await lab.until(async () => (await lab.told(name))[0]);
  }
  await lab.until(async () => (await lab.told('webhookGivenUp'))[0], 600_000);
  await deleteWebhook({ webhookId }, call);
  await triggers.stop();
  await courier.stop();
  for (const { name, fields } of await events.read({ afterSeq: 0, limit: 1000 })) {
    if (/^(trigger|webhook)/.test(name)) seen.push({ name, fields });
  }
  await lab.close();
};

const control = new ControlStory();

beforeAll(async () => {
  const lab = await DomainLab.open();
  mkdirSync(join(lab.dir, 'in'), { recursive: true });
  await tellOfTransfers(lab);
  await tellOfLinks(lab);
  await tellOfDiscovery(lab);
  await lab.stop();
  for (const { name, fields } of await lab.events.read({ afterSeq: 0, limit: 1000 })) {
    seen.push({ name, fields });
  }
  await lab.close();
  await tellOfFollowers();
  await control.tell();
});
afterAll(() => control.close());

describe('events', () => {
  it.each(Object.keys(EVENTS) as (keyof typeof EVENTS)[])('%s is logged as documented', (name) => {
    const events = of(name);
    expect(events.length).toBeGreaterThan(0);
    const { fields }: EventDefinition = EVENTS[name];
    for (const event of events) {
      expect(Object.keys(event).sort()).toEqual(Object.keys(fields).sort());
      for (const [key, { type }] of Object.entries(fields)) {
        expect([key, event[key], isOfType(type, event[key])]).toEqual([key, event[key], true]);
      }
    }
  });

  it('are all in the table', () => {
    expect(seen.map(({ name }) => name).filter((name) => !Object.hasOwn(EVENTS, name))).toEqual([]);
  });

  it('say whose they are, who did it, and what came of it', () => {
    const { username } = userInfo();
    expect(of('loginSucceeded')).toContainEqual({
      userName: username,
      address: '127.0.0.1',
      owner: username,
      ownerToken: of('tokenCreated')[0]?.['tokenId'],
      ownerTokenSession: 'night',
    });
    expect(of('transferDeleted')[0]).toMatchObject({ by: 'boss', owner: 'user' });
    expect(of('manifestDeleted')).toMatchObject([
      { by: 'boss', owner: 'user' },
      { by: 'boss', owner: 'user' },
      { by: null, owner: 'user' },
    ]);
    expect(of('manifestFailed')).toMatchObject([{ errorCode: 'path_not_found' }]);
    expect(of('tokenExpired')).toMatchObject([{ owner: username }]);
    expect(of('pathRemoved')).toMatchObject([{ errorCode: null }, { errorCode: 'path_not_found' }]);
    expect(of('elevationRefused')).toMatchObject([{ userName: 'ann', level: 'superuser' }]);
    expect(of('discoverPacketReceived')).toMatchObject([
      { address: '192.0.2.7', port: 54_946, ownerToken: 't1', ownerTokenSession: 'night' },
    ]);
    expect(of('userRemoved')).toEqual([{ userName: 'carl' }]);
    expect(of('terminateRequested')).toEqual([{ by: username }]);
  });

  it('tell of a lock-out once, and not of the attempts that it refuses', () => {
    expect(of('loginLocked')).toEqual([
      { userName: 'ann', address: '127.0.0.1', scope: 'account', lockSeconds: 600 },
    ]);
    expect(of('loginFailed')).toHaveLength(LOGIN_LIMITS.accountLockFailures);
  });

  it('hold no secret', () => {
    const text = JSON.stringify(seen);
    for (const secret of ['wrong"', 'another-password', 'ann-password', 'ab'.repeat(16)]) {
      expect(text).not.toContain(secret);
    }
    expect(text).not.toMatch(/js1\.|jsk\./);
  });
});

describe('docs/EVENTS.md', () => {
  it('is what the table says; `vitest --update` on this file writes it anew', async () => {
    await expect(eventsDocument()).toMatchFileSnapshot('../../../../docs/EVENTS.md');
  });
});
