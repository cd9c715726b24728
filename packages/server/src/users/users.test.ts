import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CommandError } from '@jetstream/contract';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ManualClock } from '../adapters/clock/manual-clock.js';
import { type OpenDatabase, openMemoryDatabase } from '../adapters/database/database.js';
import { LOGIN_LIMITS } from '../sessions/limits.js';
import { openUsers } from './open-users.js';
import { hashPassword, PasswordVerifier } from './password-hash.js';
import { UserService } from './user-service.js';
import { SqliteUserStore } from './user-store.js';

let database: OpenDatabase;
let store: SqliteUserStore;
let users: UserService;
const clock = new ManualClock();
beforeEach(async () => {
  database = await openMemoryDatabase();
  store = new SqliteUserStore(database.db);
  users = new UserService({ store, events: { append: () => Promise.resolve() }, clock });
});
afterEach(() => database.close());

const codeOf = async (promise: Promise<unknown>): Promise<string> => {
  try {
    await promise;
    return 'no error';
  } catch (error) {
    return error instanceof CommandError ? error.code : String(error);
  }
};

describe('UserService', () => {
  test('adds, lists, locks and removes', async () => {
    await users.add('bob', 'long enough');
    await users.add('ann', 'long enough');
    await users.setLocked('bob', true);
    expect(await users.list()).toEqual([
      { name: 'ann', locked: false, creationTimeUs: clock.nowUs(), osUser: null },
      { name: 'bob', locked: true, creationTimeUs: clock.nowUs(), osUser: null },
    ]);
    await users.remove('bob');
    expect(await codeOf(users.remove('bob'))).toBe('not_found');
    expect(await codeOf(users.setLocked('bob', true))).toBe('not_found');
    expect(await codeOf(users.setPassword('bob', 'long enough'))).toBe('not_found');
    expect(await users.list()).toHaveLength(1);
  });

  test('names that differ in case only are one', async () => {
    await users.add('Ann', 'long enough');
    expect(await codeOf(users.add('ann', 'long enough'))).toBe('already_exists');
    expect(await codeOf(users.add('Ann', 'long enough'))).toBe('already_exists');
  });

  test.each(['', '..', 'a..b', 'a/b', 'a b', '.hidden', '-x', 'a\0', 'ä', 'x'.repeat(65), '%u'])(
    'the name %j is refused',
    async (name) => {
      expect(await codeOf(users.add(name, 'long enough'))).toBe('invalid_params');
    },
  );

  test('a password has a least and a greatest length, and is never stored', async () => {
    expect(await codeOf(users.add('ann', 'short'))).toBe('invalid_params');
    expect(await codeOf(users.add('ann', 'x'.repeat(1025)))).toBe('invalid_params');
    await users.add('ann', 'correct horse');
    const stored = await store.find('ann');
    expect(stored?.passwordHash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    expect(JSON.stringify(stored)).not.toContain('correct horse');
  });

  test('every change gives a version that never comes again', async () => {
    const versions = new Set<number | undefined>();
    const note = async () => versions.add((await store.find('ann'))?.version);
    await users.add('ann', 'long enough');
    await note();
    await users.setLocked('ann', true);
    await note();
    await users.setPassword('ann', 'another one');
    await note();
    await users.remove('ann');
    clock.advance(1);
    await users.add('ann', 'long enough');
    await note();
    expect(versions.size).toBe(4);
  });
});

describe('PasswordVerifier', () => {
  test('tells right from wrong, also for nobody', async () => {
    const verifier = new PasswordVerifier(clock);
    const hash = await hashPassword('right');
    expect(await verifier.verify(hash, 'right')).toBe(true);
    expect(await verifier.verify(hash, 'wrong')).toBe(false);
    expect(await verifier.verify(null, 'right')).toBe(false);
    expect(await verifier.verify(null, 'right')).toBe(false);
    // A changed password is not right because the old one was.
    expect(await verifier.verify(await hashPassword('new'), 'right')).toBe(false);
  });

  test('takes as long for nobody as for somebody', async () => {
    const verifier = new PasswordVerifier(clock);
    const hash = await hashPassword('right');
    await verifier.verify(null, 'warm up');
    const timeOf = async (passwordHash: string | null): Promise<number> => {
      let shortestMs = Infinity;
      for (let round = 0; round < 4; round += 1) {
        const startMs = performance.now();
        await verifier.verify(passwordHash, `x${round}`);
        shortestMs = Math.min(shortestMs, performance.now() - startMs);
      }
      return shortestMs;
    };
    const [known, unknown] = [await timeOf(hash), await timeOf(null)];
    // Wide bounds: without the decoy it would be hundreds of times less.
    expect(unknown).toBeGreaterThan(known / 10);
  });

  test('refuses when too many wait', async () => {
    const verifier = new PasswordVerifier(clock);
    const most = LOGIN_LIMITS.verifyParallelMax + LOGIN_LIMITS.verifyWaitingMax;
    // Broken hashes fail at once, so that the test does not compute for long.
    const attempts = Array.from({ length: most + 5 }, (_, at) =>
      codeOf(verifier.verify('broken', `password ${at}`)),
    );
    const outcomes = await Promise.all(attempts);
    expect(outcomes.filter((each) => each === 'auth_locked')).toHaveLength(5);
  });
});

test('openUsers: works on a state directory by itself', async () => {
  const stateDir = mkdtempSync(join(tmpdir(), 'jetstream-users-'));
  {
    await using opened = await openUsers(stateDir);
    await opened.users.add('ann', 'long enough');
  }
  await using opened = await openUsers(stateDir);
  expect(await opened.users.list()).toHaveLength(1);
  rmSync(stateDir, { recursive: true });
});
