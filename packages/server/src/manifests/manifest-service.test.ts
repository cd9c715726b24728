import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { CommandError, manifestStructure } from '@jetstream/contract';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../adapters/clock/manual-clock.js';
import { type OpenDatabase, openMemoryDatabase } from '../adapters/database/database.js';
import { GroupCommit } from '../adapters/database/group-commit.js';
import { type Logger, silentLogger } from '../adapters/log/logger.js';
import { SqliteEventLog } from '../events/sqlite-event-log.js';
import type { Caller } from '../sessions/caller.js';
import { createIdSource } from './id-source.js';
import { ManifestService } from './manifest-service.js';
import type { ScanTotals } from './scan.js';
import type { ManifestScanner, ScanOrder } from './scan-runner.js';
import { SqliteManifestStore } from './sqlite-manifest-store.js';
import { createLocalScanner } from './thread-scanner.js';

let database: OpenDatabase;
let clock: ManualClock;
let root = '';
let lists = '';
let events: SqliteEventLog;
let inUse: Set<string>;
let stopping: AbortController;
let seed = 0;

const callerOf = (change: Partial<Caller> = {}): Caller => ({
  userName: 'user',
  level: 'user',
  token: null,
  roots: new Map([['', root]]),
  sandboxed: true,
  address: '127.0.0.1',
  ...change,
});

const tokenCaller = (id: string, session: string): Caller =>
  callerOf({ token: { id, session, permissions: 31, path: null } });

const serviceWith = (
  scanner: ManifestScanner = createLocalScanner(),
  log: Logger = silentLogger,
): ManifestService => {
  const commits = new GroupCommit(database.db);
  events = new SqliteEventLog({ db: database.db, commits, clock });
  return new ManifestService({
    store: new SqliteManifestStore(database.db, commits),
    scanner,
    events,
    clock,
    log,
    nextId: createIdSource({
      nowMs: () => clock.nowUs() / 1000,
      randomBytes: (count) => {
        seed += 1;
        return new Uint8Array(count).fill(seed);
      },
    }),
    listsDir: lists,
    isShared: () => Promise.resolve(false),
    isInUse: (id) => inUse.has(id),
  });
};

/** A scanner whose scans end when the test says so. */
const heldScanner = () => {
  const held: { order: ScanOrder; resolve(totals: ScanTotals): void }[] = [];
  const scanner: ManifestScanner = {
    scan: (order, signal) =>
      new Promise((resolve, reject) => {
        held.push({ order, resolve });
        signal.addEventListener('abort', () => reject(new CommandError('cancelled', 'stopped')));
      }),
    stop: () => Promise.resolve(),
  };
  return { scanner, held };
};

const codeOf = async (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'no error',
    (error: unknown) => (error instanceof CommandError ? error.code : String(error)),
  );

/** Waits until nothing of the making of a manifest is left. */
const stopped = async (service: ManifestService, manifestId: string): Promise<void> => {
  while (await service.keepMaking(manifestId)) await new Promise((next) => setImmediate(next));
};

const eventNames = async (): Promise<string[]> =>
  (await events.read({ afterSeq: 0, limit: 100 })).map((event) => event.name);

beforeEach(async () => {
  root = fs.mkdtempSync(path.join(os.tmpdir(), 'manifest-'));
  lists = path.join(root, '.lists');
  fs.mkdirSync(lists);
  fs.mkdirSync(path.join(root, 'in/empty'), { recursive: true });
  fs.writeFileSync(path.join(root, 'in/a.txt'), 'hello');
  fs.writeFileSync(path.join(root, 'in/run'), '', { mode: 0o755 });
  database = await openMemoryDatabase();
  clock = new ManualClock();
  inUse = new Set();
  stopping = new AbortController();
});

afterEach(async () => {
  await database.close();
  fs.rmSync(root, { recursive: true });
});

describe('ManifestService', () => {
  it('reference vectors 5 and 6: create answers at once with a pending structure', async () => {
    const service = serviceWith();
    const answer = await service.create(callerOf(), { fileMappings: '/in/a.txt:/docs/a.txt' });
    expect(answer).toEqual({
      manifestId: expect.stringMatching(/^[0-9a-f]{32}$/) as string,
      status: 'pending',
      processing: true,
      errorMessage: '',
      totalFiles: null,
      totalSize: null,
      owner: 'user',
      ownerToken: null,
      ownerTokenSession: null,
      userData: {},
    });
    expect(manifestStructure.parse(answer)).toEqual(answer);
    const done = await service.wait(callerOf(), answer, stopping.signal);
    expect(done).toMatchObject({
      status: 'complete',
      processing: false,
      totalFiles: 1,
      totalSize: 5,
    });
    expect(await eventNames()).toEqual(['manifestCreated', 'manifestComplete']);
  });

  it('shows files in pages, with sizes, empty directories and executables', async () => {
    const service = serviceWith();
    const { manifestId } = await service.create(callerOf(), { mappings: { '/d': '/in' } });
    await service.wait(callerOf(), { manifestId }, stopping.signal);
    const all = await service.files(callerOf(), { manifestId });
    expect(all.nextOffset).toBeNull();
    const byPath = [...all.fileMappings].sort((a, b) => (a.destPath < b.destPath ? -1 : 1));
    expect(byPath).toMatchObject([
      { srcPath: '/in/a.txt', destPath: '/d/a.txt', fileSize: 5, isEmptyDir: false },
      { srcPath: '/in/empty', destPath: '/d/empty', fileSize: 0, isEmptyDir: true },
      { srcPath: '/in/run', destPath: '/d/run', fileSize: 0, executable: true },
    ]);
    const first = await service.files(callerOf(), { manifestId, limit: 2 });
    const second = await service.files(callerOf(), { manifestId, limit: 2, offset: 2 });
    expect(first.nextOffset).toBe(2);
    expect([...first.fileMappings, ...second.fileMappings]).toEqual(all.fileMappings);
  });

  it('shows sources by the names of roots that the caller has', async () => {
    const service = serviceWith();
    const caller = callerOf({ roots: new Map([['media', path.join(root, 'in')]]) });
    const { manifestId } = await service.create(caller, { fileMappings: 'media:/a.txt::/a' });
    await service.wait(caller, { manifestId }, stopping.signal);
    const { fileMappings } = await service.files(caller, { manifestId });
    expect(fileMappings[0]?.srcPath).toBe('media:/a.txt');
  });

  it('ends with an error that names a source that is not there', async () => {
    const service = serviceWith();
    const { manifestId } = await service.create(callerOf(), { mappings: { '/d': '/in/none' } });
    const failed = await service.wait(callerOf(), { manifestId }, stopping.signal);
    expect(failed.status).toBe('error');
    expect(failed.errorMessage).toContain('"/in/none"');
    expect(await codeOf(service.files(callerOf(), { manifestId }))).toBe('manifest_not_ready');
    expect(fs.readdirSync(lists)).toEqual([]);
  });

  it('shows a manifest to its owner, its token session and elevated sessions only', async () => {
    const service = serviceWith();
    const plain = await service.create(callerOf(), { mappings: { '/d': '/in' } });
    const byToken = await service.create(tokenCaller('t1', 's1'), { mappings: { '/d': '/in' } });
    const listed = async (caller: Caller): Promise<string[]> =>
      (await service.list(caller, {})).map((manifest) => manifest.manifestId);
    expect(await listed(callerOf())).toEqual([plain.manifestId, byToken.manifestId]);
    expect(await listed(tokenCaller('t1', 's1'))).toEqual([byToken.manifestId]);
    expect(await listed(tokenCaller('t1', 's2'))).toEqual([]);
    expect(await listed(callerOf({ userName: 'other' }))).toEqual([]);
    expect(await listed(callerOf({ userName: 'root', level: 'superuser' }))).toHaveLength(2);
    expect(await service.list(callerOf(), { limit: 1, offset: 1 })).toMatchObject([byToken]);
    for (const stranger of [tokenCaller('t1', 's2'), callerOf({ userName: 'other' })]) {
      expect(await codeOf(service.get(stranger, byToken.manifestId))).toBe('not_found');
      expect(await codeOf(service.remove(stranger, byToken.manifestId))).toBe('not_found');
    }
  });

  it('waits no longer than asked, and not for a caller that has left', async () => {
    const { scanner } = heldScanner();
    const service = serviceWith(scanner);
    const { manifestId } = await service.create(callerOf(), { mappings: { '/d': '/in' } });
    const waiting = codeOf(
      service.wait(callerOf(), { manifestId, timeoutSeconds: 2 }, stopping.signal),
    );
    const leaving = codeOf(service.wait(callerOf(), { manifestId }, stopping.signal));
    await service.get(callerOf(), manifestId);
    await service.get(callerOf(), manifestId);
    clock.advance(2000);
    expect(await waiting).toBe('timeout');
    stopping.abort();
    expect(await leaving).toBe('cancelled');
  });

  it('deletes a manifest with its list, also while it is made, not while a transfer uses it', async () => {
    const service = serviceWith();
    const { manifestId } = await service.create(callerOf(), { mappings: { '/d': '/in' } });
    await service.wait(callerOf(), { manifestId }, stopping.signal);
    inUse.add(manifestId);
    expect(await codeOf(service.remove(callerOf(), manifestId))).toBe('conflict');
    inUse.clear();
    expect(await service.remove(callerOf(), manifestId)).toBeNull();
    expect(await codeOf(service.get(callerOf(), manifestId))).toBe('not_found');
    expect(fs.readdirSync(lists)).toEqual([]);

    const held = serviceWith(heldScanner().scanner);
    const pending = await held.create(callerOf(), { mappings: { '/d': '/in' } });
    const waiter = codeOf(held.wait(callerOf(), pending, stopping.signal));
    await held.remove(callerOf(), pending.manifestId);
    expect(await waiter).toBe('not_found');
  });

  it('after a restart, a manifest that was being made is an error that says what to do', async () => {
    const { scanner } = heldScanner();
    const first = serviceWith(scanner);
    const { manifestId } = await first.create(callerOf(), { mappings: { '/d': '/in' } });
    await first.stop();
    const second = serviceWith();
    await second.start();
    expect(await second.get(callerOf(), manifestId)).toMatchObject({
      status: 'error',
      processing: false,
      errorMessage: expect.stringContaining('the server was restarted; create it again') as string,
    });
  });

  it('after a restart, one that is sent already is made to its end', async () => {
    const { scanner, held } = heldScanner();
    const first = serviceWith(scanner);
    const { manifestId } = await first.create(callerOf(), { mappings: { '/d': '/in' } });
    // Two transfers of it may begin at once.
    const asked = [first.keepMaking(manifestId), first.keepMaking(manifestId)];
    expect(await Promise.all(asked)).toEqual([true, true]);
    await first.stop();
    const resumed = heldScanner();
    const second = serviceWith(resumed.scanner);
    await second.start();
    expect(resumed.held[0]?.order).toEqual({ ...held[0]?.order, resumes: true });
    expect((await second.get(callerOf(), manifestId)).status).toBe('pending');
    await second.stop();
    const third = serviceWith();
    await third.start();
    expect(await third.wait(callerOf(), { manifestId }, stopping.signal)).toMatchObject({
      ...{ status: 'complete', totalFiles: 3, totalSize: 5 },
    });
    await stopped(third, manifestId);
    expect(fs.readdirSync(lists)).toEqual([`${manifestId}.list`]);
    expect(await third.keepMaking(manifestId)).toBe(false);
  });

  it.each([
    '{"version":1,"requ',
    '{"version":2,"request":{"mappings":[]}}',
    '{"version":1}',
    'null',
  ])(
    'after a restart, a kept scan that cannot be used (%s) is set aside, and the others go on',
    async (text) => {
      const { scanner } = heldScanner();
      const first = serviceWith(scanner);
      const create = () => first.create(callerOf(), { mappings: { '/d': '/in' } });
      const [{ manifestId: broken }, { manifestId: sound }] = [await create(), await create()];
      await first.keepMaking(broken);
      await first.keepMaking(sound);
      await first.stop();
      fs.writeFileSync(path.join(lists, `${broken}.list.order`), text);
      fs.writeFileSync(path.join(lists, `${broken}.list.new`), 'begun');
      const lines: object[] = [];
      const log = { ...silentLogger, error: (facts: object) => void lines.push(facts) };
      const second = serviceWith(createLocalScanner(), log);
      await second.start();
      const file = path.join(lists, `${broken}.list.order.damaged`);
      expect(lines).toMatchObject([{ manifestId: broken, file }]);
      expect(fs.readFileSync(file, 'utf8')).toBe(text);
      expect(await second.get(callerOf(), broken)).toMatchObject({
        status: 'error',
        errorMessage: expect.stringContaining('is damaged; create it again') as string,
      });
      const done = await second.wait(callerOf(), { manifestId: sound }, stopping.signal);
      expect(done.status).toBe('complete');
      await stopped(second, sound);
      await second.remove(callerOf(), broken);
      expect(fs.readdirSync(lists)).toEqual([`${sound}.list`]);
    },
  );

  it('leaves nothing of a manifest that is deleted, whatever ended its scan', async () => {
    const { scanner } = heldScanner();
    const first = serviceWith(scanner);
    const { manifestId } = await first.create(callerOf(), { mappings: { '/d': '/in' } });
    const kept = first.keepMaking(manifestId);
    await first.remove(callerOf(), manifestId);
    expect(await kept).toBe(false);
    await expect.poll(() => fs.readdirSync(lists)).toEqual([]);
    // A power cut while the scan was being kept.
    const again = await first.create(callerOf(), { mappings: { '/d': '/in' } });
    await first.stop();
    fs.writeFileSync(path.join(lists, `${again.manifestId}.list.order.new`), '{');
    const second = serviceWith();
    await second.start();
    expect(fs.readdirSync(lists)).toEqual([]);
    for (const end of ['', '.new', '.groups', '.order', '.order.new']) {
      fs.writeFileSync(path.join(lists, `${again.manifestId}.list${end}`), '');
    }
    await second.remove(callerOf(), again.manifestId);
    expect(fs.readdirSync(lists)).toEqual([]);
  });

  it('takes patterns and keeps links; refuses patterns that could take for ever', async () => {
    const service = serviceWith();
    fs.symlinkSync('a.txt', path.join(root, 'in/link'));
    const mappings = { '/d': '/in' };
    const { manifestId } = await service.create(callerOf(), {
      mappings,
      symlinks: 2,
      exclude: ['run', 'empty'],
    });
    await service.wait(callerOf(), { manifestId }, stopping.signal);
    const { fileMappings } = await service.files(callerOf(), { manifestId });
    expect(fileMappings.map(({ destPath, linkTarget }) => [destPath, linkTarget])).toEqual(
      expect.arrayContaining([
        ['/d/a.txt', null],
        ['/d/link', 'a.txt'],
      ]) as unknown,
    );
    expect(fileMappings).toHaveLength(2);
    const params = { mappings, include: ['*a*a*a*a*'] };
    expect(await codeOf(service.create(callerOf(), params))).toBe('invalid_params');
  });
});
