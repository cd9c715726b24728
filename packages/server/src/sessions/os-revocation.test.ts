import { expect, test } from 'vitest';
import { ManualClock } from '../adapters/clock/manual-clock.js';
import { silentLogger } from '../adapters/log/logger.js';
import { LOGIN_LIMITS } from './limits.js';
import { OsRevocation } from './os-revocation.js';
import type { Credential } from './session.js';

const token = (userName: string): Credential => ({
  kind: 'token',
  tokenId: 't',
  owner: { kind: 'os user', userName },
  expiryTimeUs: null,
});

test('OsRevocation: logins and tokens of a locked account end, all others stay', async () => {
  const clock = new ManualClock();
  let open: Credential[] = [
    { kind: 'os user', userName: 'ann' },
    { kind: 'os user', userName: 'bob' },
    { kind: 'user', userName: 'bob', userVersion: 1 },
    { kind: 'local key' },
    { kind: 'os user', userName: 'cyd' },
    token('ann'),
    token('bob'),
  ];
  const asked: string[] = [];
  let cleared = 0;
  const revocation = new OsRevocation({
    osLogins: {
      isUsable: (name) => {
        asked.push(name);
        if (name === 'cyd') return Promise.reject(new Error('the system does not answer'));
        return Promise.resolve(name !== 'bob');
      },
    },
    sessions: {
      credentials: () => open,
      endLogins: (isEnded) => {
        open = open.filter((credential) => !isEnded(credential));
      },
    },
    http: {
      clear: () => {
        cleared += 1;
      },
    },
    clock,
    logger: silentLogger,
  });
  revocation.start();
  clock.advance(LOGIN_LIMITS.osRevalidateMs);
  await new Promise((resolve) => setImmediate(resolve));
  revocation.stop();
  expect(asked).toEqual(['ann', 'bob', 'cyd']);
  expect(cleared).toBe(1);
  expect(open).toEqual([
    { kind: 'os user', userName: 'ann' },
    { kind: 'user', userName: 'bob', userVersion: 1 },
    { kind: 'local key' },
    { kind: 'os user', userName: 'cyd' },
    token('ann'),
  ]);
});
