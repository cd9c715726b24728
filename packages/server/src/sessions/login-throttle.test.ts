import { CommandError } from '@jetstream/contract';
import { beforeEach, describe, expect, test } from 'vitest';
import { ManualClock } from '../adapters/clock/manual-clock.js';
import { LOGIN_LIMITS } from './limits.js';
import { LoginThrottle } from './login-throttle.js';

let clock = new ManualClock();
let throttle = new LoginThrottle(clock);
beforeEach(() => {
  clock = new ManualClock();
  throttle = new LoginThrottle(clock);
});

const wrong = (): Promise<never> =>
  Promise.reject(new CommandError('auth_failed', 'wrong password'));
const right = (): Promise<string> => Promise.resolve('in');

/** Attempts that take a while and fail, and how many of them ran at once. */
class SlowAttempts {
  most = 0;
  #running = 0;

  readonly fail = async (): Promise<never> => {
    this.#running += 1;
    this.most = Math.max(this.most, this.#running);
    await new Promise<void>((resolve) => setImmediate(resolve));
    this.#running -= 1;
    return wrong();
  };
}

const outcome = async (
  attempt: () => Promise<unknown>,
  account = 'ann',
  address = '10.0.0.1',
): Promise<string> => {
  try {
    await throttle.attempt(account, address, attempt);
    return 'in';
  } catch (error) {
    const { code, details } = error as CommandError;
    return code === 'auth_locked' ? `wait ${String(details['retryAfterSeconds'])}` : code;
  }
};

describe('LoginThrottle', () => {
  test('three failures are free, then each wait is twice the one before', async () => {
    const seen: string[] = [];
    for (let round = 0; round < 3; round += 1) seen.push(await outcome(wrong));
    expect(seen).toEqual(['auth_failed', 'auth_failed', 'auth_failed']);
    for (const seconds of [1, 2, 4, 8]) {
      // Even the right password has to wait.
      expect(await outcome(right)).toBe(`wait ${seconds}`);
      clock.advance(seconds * 1000);
      expect(await outcome(wrong)).toBe('auth_failed');
    }
  });

  test('ten failures lock the account, for everybody and for a while', async () => {
    for (let round = 0; round < LOGIN_LIMITS.accountLockFailures; round += 1) {
      await outcome(wrong);
      if (round < LOGIN_LIMITS.accountLockFailures - 1) clock.advance(300_000);
    }
    expect(await outcome(right, 'ann', '10.9.9.9')).toBe('wait 600');
    expect(await outcome(right, 'bob')).toBe('in');
    clock.advance(LOGIN_LIMITS.lockMs);
    expect(await outcome(right)).toBe('in');
  });

  test('all addresses of one IPv6 network are one', async () => {
    for (let round = 0; round < LOGIN_LIMITS.addressFreeFailures; round += 1) {
      await outcome(wrong, `account ${round}`, `2001:db8:0:7::${round.toString(16)}`);
    }
    expect(await outcome(right, 'ann', '2001:db8:0:7:ffff::1')).toBe('wait 1');
    expect(await outcome(right, 'ann', '2001:db8:0:8::1')).toBe('in');
  });

  test('an address that tries many accounts has to wait for all of them', async () => {
    for (let round = 0; round < LOGIN_LIMITS.addressFreeFailures; round += 1) {
      await outcome(wrong, `account ${round}`);
    }
    expect(await outcome(right, 'ann')).toBe('wait 1');
    expect(await outcome(right, 'ann', '10.0.0.2')).toBe('in');
  });

  test('a success clears the account but not the address', async () => {
    for (let round = 0; round < LOGIN_LIMITS.addressFreeFailures - 1; round += 1) {
      await outcome(wrong, `account ${round % 5}`);
      expect(await outcome(right, `account ${round % 5}`)).toBe('in');
    }
    await outcome(wrong, 'another');
    expect(await outcome(right, 'ann')).toBe('wait 1');
  });

  test('attempts at one account take turns, so none is made on credit', async () => {
    const slow = new SlowAttempts();
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => outcome(slow.fail)));
    expect(slow.most).toBe(1);
    expect(outcomes.filter((each) => each === 'auth_failed')).toHaveLength(3);
  });

  test('attempts at many accounts from one address are made a few at a time, none on credit', async () => {
    const slow = new SlowAttempts();
    const names = Array.from({ length: 300 }, (_, index) => `account ${index}`);
    const outcomes = await Promise.all(names.map((name) => outcome(slow.fail, name)));
    expect(slow.most).toBe(LOGIN_LIMITS.addressParallelMax);
    const tried = outcomes.filter((each) => each === 'auth_failed').length;
    expect(tried).toBeGreaterThanOrEqual(LOGIN_LIMITS.addressFreeFailures);
    // Those that ran when the limit was met end, and count.
    expect(tried).toBeLessThan(LOGIN_LIMITS.addressFreeFailures + LOGIN_LIMITS.addressParallelMax);
  });

  test('who waits for a turn of the own address holds up nobody from elsewhere', async () => {
    const never: Promise<never> = new Promise(() => {});
    for (let index = 0; index < 10; index += 1) void outcome(() => never, `account ${index}`);
    expect(await outcome(right, 'ann', '10.0.0.2')).toBe('in');
  });

  test('a turn is passed on after a success, a failure and an error', async () => {
    const broken = (): Promise<never> => Promise.reject(new Error('broken'));
    const attempts = [right, wrong, broken];
    const names = Array.from({ length: 24 }, (_, index) => index);
    const ended = await Promise.allSettled(
      names.map((index) =>
        throttle.attempt(`account ${index}`, '10.0.0.1', () =>
          (attempts[index % 3] as () => Promise<string>)(),
        ),
      ),
    );
    expect(ended.filter(({ status }) => status === 'fulfilled')).toHaveLength(8);
  });

  test('other failures do not count, and old ones are forgotten', async () => {
    const broken = (): Promise<never> => Promise.reject(new CommandError('internal', 'broken'));
    for (let round = 0; round < 20; round += 1) expect(await outcome(broken)).toBe('internal');
    await outcome(wrong);
    await outcome(wrong);
    clock.advance(LOGIN_LIMITS.forgetMs + 1);
    await outcome(wrong);
    expect(await outcome(right)).toBe('in');
  });
});
