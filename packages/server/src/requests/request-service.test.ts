import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CommandError, PERMISSIONS_ALL } from '@jetstream/contract';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ManualClock } from '../adapters/clock/manual-clock.js';
import { type OpenDatabase, openDatabase } from '../adapters/database/database.js';
import { GroupCommit } from '../adapters/database/group-commit.js';
import { silentLogger } from '../adapters/log/logger.js';
import type { RequestWork } from '../control/handler.js';
import type { Caller } from '../sessions/caller.js';
import { REQUEST_LIMITS } from './limits.js';
import { RequestService } from './request-service.js';
import { SqliteRequestStore } from './request-store.js';
import { ResultFiles } from './result-files.js';
import { JsonFile, JsonText, type StoredJson } from './stored-json.js';

const KEEP_SECONDS = 100;
const ann: Caller = {
  userName: 'ann',
  level: 'user',
  token: null,
  roots: new Map([['', '/']]),
  sandboxed: false,
  address: '127.0.0.1',
};
const bob: Caller = { ...ann, userName: 'bob' };
const admin: Caller = { ...bob, level: 'superuser' };
const tokenOf = (id: string, session: string): Caller => ({
  ...ann,
  token: { id, session, permissions: PERMISSIONS_ALL, path: null },
});

let stateDir = '';
let database: OpenDatabase;
let clock = new ManualClock();
let requests: RequestService;
let published: { topic: string; item: unknown }[] = [];

const open = async (): Promise<void> => {
  database = await openDatabase(stateDir);
  requests = new RequestService({
    store: new SqliteRequestStore(database.db, new GroupCommit(database.db)),
    files: new ResultFiles(stateDir),
    notifier: { publish: (topic, _owner, item) => void published.push({ topic, item }) },
    clock,
    logger: silentLogger,
    keepSeconds: KEEP_SECONDS,
  });
  await requests.start();
};

beforeEach(async () => {
  stateDir = mkdtempSync(join(tmpdir(), 'jetstream-requests-'));
  clock = new ManualClock();
  published = [];
  await open();
});
afterEach(async () => {
  await database.close();
  rmSync(stateDir, { recursive: true });
});

const forever = { timeoutMs: null, signal: new AbortController().signal };
const resultOf = async (caller: Caller, id: number): Promise<unknown> => {
  const stored: StoredJson = await requests.result(caller, id, forever);
  const text = stored instanceof JsonText ? stored.text : readFileSync(stored.path, 'utf8');
  return JSON.parse(text);
};
const codeOf = async (promise: Promise<unknown>): Promise<string> => {
  try {
    await promise;
    return 'no error';
  } catch (error) {
    return error instanceof CommandError ? error.code : String(error);
  }
};
/** A run that ends when told to. */
const controlled = () => {
  let end: (value: null) => void = () => {};
  let work: RequestWork | null = null;
  const run = (given: RequestWork): Promise<null> => {
    work = given;
    return new Promise((resolve, reject) => {
      end = resolve;
      given.signal.addEventListener('abort', () => reject(new Error('some other error')));
    });
  };
  return { run, end: () => end(null), work: () => work };
};

describe('RequestService', () => {
  test('a request runs to its end and keeps its result', async () => {
    const { requestId } = await requests.submit(ann, 'mkdirAsync', () => Promise.resolve(null));
    expect(await resultOf(ann, requestId)).toBeNull();
    expect(await requests.status(ann, requestId)).toEqual({
      requestId,
      processing: false,
      status: 'success',
      errorMessage: '',
      errorCode: null,
      progress: null,
    });
    expect(published.at(-1)).toMatchObject({ topic: 'requests', item: { status: 'success' } });
  });

  test('ids rise and are never used again, not even after a restart', async () => {
    const submit = () => requests.submit(ann, 'mkdirAsync', () => Promise.resolve(null));
    const ids = (await Promise.all([submit(), submit(), submit()])).map((each) => each.requestId);
    expect(new Set(ids).size).toBe(3);
    await requests.stop({ drainMs: 0 });
    clock.advance(KEEP_SECONDS * 1000 + 1);
    await requests.purge();
    await database.close();
    await open();
    expect((await submit()).requestId).toBeGreaterThan(Math.max(...ids));
  });

  test('a failed request raises its own error and shows it in its status', async () => {
    const failing = () =>
      Promise.reject(new CommandError('path_not_found', 'No "/x"', { details: { path: '/x' } }));
    const { requestId } = await requests.submit(ann, 'rmAsync', failing);
    await expect(resultOf(ann, requestId)).rejects.toMatchObject({
      code: 'path_not_found',
      message: 'No "/x"',
      details: { path: '/x', requestId },
    });
    expect(await requests.status(ann, requestId)).toMatchObject({
      status: 'error',
      errorCode: 'path_not_found',
      errorMessage: 'No "/x"',
    });
    const broken = await requests.submit(ann, 'rmAsync', () => Promise.reject(new Error('secret')));
    const error = await resultOf(ann, broken.requestId).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'internal' });
    expect(String(error)).not.toContain('secret');
  });

  test('status shows progress while a request runs', async () => {
    const { run, end, work } = controlled();
    const { requestId } = await requests.submit(ann, 'rmAsync', run);
    expect(await requests.status(ann, requestId)).toMatchObject({
      processing: true,
      status: 'pending',
      progress: null,
    });
    work()?.progress({ removed: 5 });
    work()?.progress({ removed: 6 });
    expect((await requests.status(ann, requestId)).progress).toEqual({ removed: 6 });
    // The second one came too soon after the first to be told by itself.
    expect(published.filter(({ topic }) => topic === 'requests')).toHaveLength(1);
    end();
    await resultOf(ann, requestId);
  });

  test('waiting for a result ends at its time limit or with the client', async () => {
    const { run, end } = controlled();
    const { requestId } = await requests.submit(ann, 'rmAsync', run);
    const limited = requests.result(ann, requestId, { ...forever, timeoutMs: 5_000 });
    clock.advance(5_000);
    expect(await codeOf(limited)).toBe('timeout');
    const gone = new AbortController();
    const left = requests.result(ann, requestId, { timeoutMs: null, signal: gone.signal });
    gone.abort();
    expect(await codeOf(left)).toBe('timeout');
    const patient = resultOf(ann, requestId);
    end();
    expect(await patient).toBeNull();
  });

  test('cancelling stops the work; an ended request stays as it is', async () => {
    const { run } = controlled();
    const { requestId } = await requests.submit(ann, 'rmAsync', run);
    await requests.cancel(ann, requestId);
    expect(await codeOf(resultOf(ann, requestId))).toBe('cancelled');
    const done = await requests.submit(ann, 'mkdirAsync', () => Promise.resolve(null));
    await resultOf(ann, done.requestId);
    await requests.cancel(ann, done.requestId);
    expect(await resultOf(ann, done.requestId)).toBeNull();
    expect(await codeOf(requests.cancel(ann, 999))).toBe('not_found');
  });

  test('others see a request only when they are elevated', async () => {
    const { run, end } = controlled();
    const running = (await requests.submit(ann, 'rmAsync', run)).requestId;
    const ended = await requests.submit(ann, 'mkdirAsync', () => Promise.resolve(null));
    await resultOf(ann, ended.requestId);
    for (const id of [running, ended.requestId]) {
      expect(await codeOf(requests.status(bob, id))).toBe('not_found');
      expect(await codeOf(requests.result(bob, id, forever))).toBe('not_found');
      expect(await codeOf(requests.cancel(bob, id))).toBe('not_found');
      expect(await codeOf(requests.status(tokenOf('t', 's'), id))).toBe('not_found');
      expect((await requests.status(admin, id)).requestId).toBe(id);
    }
    end();
    const run2 = () => Promise.resolve(null);
    const ofToken = await requests.submit(tokenOf('t', 's'), 'mkdirAsync', run2);
    expect(await resultOf(tokenOf('t', 's'), ofToken.requestId)).toBeNull();
    expect(await codeOf(requests.status(tokenOf('t', 'other'), ofToken.requestId))).toBe(
      'not_found',
    );
    expect(await resultOf(ann, ofToken.requestId)).toBeNull();
  });

  test('results survive a restart; what was running has failed', async () => {
    const done = await requests.submit(ann, 'mkdirAsync', () => Promise.resolve(null));
    await resultOf(ann, done.requestId);
    const { requestId } = await requests.submit(ann, 'rmAsync', controlled().run);
    // As after a crash: nothing was stopped.
    await database.close();
    await open();
    expect(await resultOf(ann, done.requestId)).toBeNull();
    const error = await resultOf(ann, requestId).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'cancelled' });
    expect(String(error)).toContain('the server was restarted');
  });

  test('results are kept for their time and then gone', async () => {
    const { requestId } = await requests.submit(ann, 'mkdirAsync', () => Promise.resolve(null));
    await resultOf(ann, requestId);
    clock.advance((KEEP_SECONDS - 1) * 1000);
    await requests.purge();
    expect(await resultOf(ann, requestId)).toBeNull();
    clock.advance(2_000);
    await requests.purge();
    expect(await codeOf(requests.status(ann, requestId))).toBe('not_found');
  });

  test('long results lie in files, which go with their requests', async () => {
    const long = JSON.stringify('x'.repeat(REQUEST_LIMITS.resultInDatabaseBytesMax));
    const text = await requests.submit(ann, 'lsAsync', () => Promise.resolve(new JsonText(long)));
    const draft = join(stateDir, 'results', 'written.draft');
    const written = await requests.submit(ann, 'lsAsync', () => {
      writeFileSync(draft, '[1]');
      return Promise.resolve(new JsonFile(draft, 3));
    });
    expect(JSON.stringify(await resultOf(ann, text.requestId))).toBe(long);
    expect(await resultOf(ann, written.requestId)).toEqual([1]);
    const results = join(stateDir, 'results');
    expect(readdirSync(results).sort()).toEqual(['1.json', '2.json']);
    // A crash may leave drafts and files of requests that were never told.
    writeFileSync(join(results, '77.json'), '1');
    writeFileSync(join(results, 'lost.draft'), '1');
    await database.close();
    await open();
    expect(readdirSync(results).sort()).toEqual(['1.json', '2.json']);
    clock.advance(KEEP_SECONDS * 1000 + 1);
    await requests.purge();
    expect(existsSync(join(results, '1.json'))).toBe(false);
  });

  test('stopping cancels what does not end in time', async () => {
    const { run } = controlled();
    const { requestId } = await requests.submit(ann, 'rmAsync', run);
    const stopped = requests.stop({ drainMs: 1_000 });
    clock.advance(1_000);
    await stopped;
    expect((await requests.status(ann, requestId)).errorCode).toBe('cancelled');
  });

  test('the number of running requests is limited by user', async () => {
    const { run, end } = controlled();
    const { runningPerOwnerMax } = REQUEST_LIMITS;
    const ends: (() => void)[] = [end];
    const first = requests.submit(ann, 'rmAsync', run);
    const rest = Array.from({ length: runningPerOwnerMax - 1 }, () => {
      const each = controlled();
      ends.push(() => each.end());
      return requests.submit(ann, 'rmAsync', each.run);
    });
    const { requestId } = await first;
    await Promise.all(rest);
    const one = () => Promise.resolve(null);
    expect(await codeOf(requests.submit(ann, 'rmAsync', one))).toBe('too_many_requests');
    expect(await codeOf(requests.submit(bob, 'rmAsync', one))).toBe('no error');
    for (const each of ends) each();
    await resultOf(ann, requestId);
    expect(await codeOf(requests.submit(ann, 'rmAsync', one))).toBe('no error');
  });
});
