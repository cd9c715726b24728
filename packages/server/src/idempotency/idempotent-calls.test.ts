import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CommandError } from '@jetstream/contract';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ManualClock } from '../adapters/clock/manual-clock.js';
import { DATABASE_FILE, type OpenDatabase, openDatabase } from '../adapters/database/database.js';
import { GroupCommit } from '../adapters/database/group-commit.js';
import { sql } from '../adapters/database/query-builder.js';
import type { Caller } from '../sessions/caller.js';
import { openAnswer, sealAnswer } from './answer-seal.js';
import { SqliteIdempotencyStore } from './idempotency-store.js';
import { IdempotentCalls, type KeyedCall } from './idempotent-calls.js';
import { IDEMPOTENCY_LIMITS } from './limits.js';

const caller: Caller = {
  userName: 'ann',
  level: 'user',
  token: null,
  roots: new Map([['', '/']]),
  sandboxed: false,
  address: '127.0.0.1',
};
const call = (given: Partial<KeyedCall> = {}): KeyedCall => ({
  key: 'k-1',
  caller,
  method: 'mkdirAsync',
  params: { path: '/a', b: { x: 1, y: 2 } },
  ...given,
});

const codeOf = async (promise: Promise<unknown>): Promise<string> => {
  const error: unknown = await promise.then(
    () => 'no error',
    (reason: unknown) => reason,
  );
  return error instanceof CommandError ? error.code : String(error);
};

let directory: string;
let database: OpenDatabase;
let clock: ManualClock;

const openCalls = (): IdempotentCalls =>
  new IdempotentCalls({
    store: new SqliteIdempotencyStore(new GroupCommit(database.db)),
    clock,
  });

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'jetstream-idempotency-'));
  database = await openDatabase(directory);
  clock = new ManualClock();
});
afterEach(async () => {
  await database.close();
  rmSync(directory, { recursive: true });
});

describe('IdempotentCalls', () => {
  test('carries a call out once and returns its first answer, also after a restart', async () => {
    let times = 0;
    const perform = () => Promise.resolve({ requestId: ++times });
    const calls = openCalls();
    expect(await calls.run(call(), perform)).toEqual({ requestId: 1 });
    expect(await calls.run(call(), perform)).toEqual({ requestId: 1 });
    const reordered = call({ params: { b: { y: 2, x: 1 }, path: '/a' } });
    expect(await openCalls().run(reordered, perform)).toEqual({ requestId: 1 });
    expect(times).toBe(1);
  });

  test('a repetition at the same time waits for the first call', async () => {
    let times = 0;
    let finish: (value: unknown) => void = () => {};
    const perform = () => {
      times += 1;
      return new Promise((resolve) => {
        finish = resolve;
      });
    };
    const calls = openCalls();
    const both = [calls.run(call(), perform), calls.run(call(), perform)];
    await expect.poll(() => times).toBe(1);
    finish('done');
    expect(await Promise.all(both)).toEqual(['done', 'done']);
    expect(times).toBe(1);
  });

  test('refuses the key of another call', async () => {
    const calls = openCalls();
    await calls.run(call(), () => Promise.resolve(1));
    const perform = () => Promise.reject(new Error('must not run'));
    expect(await codeOf(calls.run(call({ method: 'rmAsync' }), perform))).toBe('conflict');
    expect(await codeOf(calls.run(call({ params: { path: '/b' } }), perform))).toBe('conflict');
  });

  test('the same text of another user or token session is another key', async () => {
    const calls = openCalls();
    const token = (session: string): Caller => ({
      ...caller,
      token: { id: 't', session, permissions: 31, path: null },
    });
    const callers = [caller, { ...caller, userName: 'bob' }, token('one'), token('two')];
    const answers = callers.map((who, index) =>
      calls.run(call({ caller: who }), () => Promise.resolve(index)),
    );
    expect(await Promise.all(answers)).toEqual([0, 1, 2, 3]);
  });

  test('a call that fails frees its key', async () => {
    const calls = openCalls();
    const failing = () => Promise.reject(new CommandError('path_not_found', 'x'));
    expect(await codeOf(calls.run(call(), failing))).toBe('path_not_found');
    expect(await calls.run(call(), () => Promise.resolve('now'))).toBe('now');
  });

  test('a call that was broken off is not carried out again', async () => {
    const calls = openCalls();
    const broken = () => Promise.reject(new Error('defect'));
    await expect(calls.run(call(), broken)).rejects.toThrow('defect');
    const never = calls.run(call({ key: 'k-2' }), () => new Promise(() => {}));
    never.catch(() => {});
    await expect
      .poll(() => codeOf(openCalls().run(call({ key: 'k-2' }), () => Promise.resolve(1))))
      .toBe('outcome_unknown');
    const again = () => Promise.reject(new Error('must not run'));
    expect(await codeOf(openCalls().run(call(), again))).toBe('outcome_unknown');
  });

  test('a key is new again after 24 hours', async () => {
    const calls = openCalls();
    await calls.run(call(), () => Promise.resolve('first'));
    clock.advance(IDEMPOTENCY_LIMITS.keptMs - 1000);
    expect(await calls.run(call(), () => Promise.resolve('second'))).toBe('first');
    clock.advance(2000);
    expect(await calls.run(call(), () => Promise.resolve('second'))).toBe('second');
  });

  test('neither the key, nor a secret in the answer or the parameters, is on the disk', async () => {
    const secrets = { key: 'key-31415926', answer: 'answer-27182818', params: 'params-16180339' };
    const params = { path: '/a', password: secrets.params };
    await openCalls().run(call({ key: secrets.key, params }), () =>
      Promise.resolve({ token: secrets.answer }),
    );
    await sql`pragma wal_checkpoint(truncate)`.execute(database.db);
    const bytes = readFileSync(join(directory, DATABASE_FILE));
    for (const secret of Object.values(secrets)) expect(bytes.includes(secret)).toBe(false);
    expect(bytes.includes('idempotentCalls')).toBe(true);
  });
});

describe('sealed answers', () => {
  test('open with their key only, and only unchanged', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.json(), fc.nat(), (key, answer, at) => {
        const sealed = sealAnswer(key, answer);
        expect(openAnswer(key, sealed)).toBe(answer);
        expect(() => openAnswer(`${key}x`, sealed)).toThrow();
        sealed[at % sealed.length] = (sealed[at % sealed.length] as number) ^ 1;
        expect(() => openAnswer(key, sealed)).toThrow();
      }),
      { numRuns: 50 },
    );
  });
});
