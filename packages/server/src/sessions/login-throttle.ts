/**
 * Slows down those who guess: after a few failures of an account or from an address, each attempt
 * has to wait twice as long as the one before; after many, logins are refused for a while. Held in
 * memory only.
 */
import { CommandError } from '@jetstream/contract';
import type { Clock } from '../adapters/clock/clock.js';
import { clientNetwork } from './client-network.js';
import { LOGIN_LIMITS } from './limits.js';
import { Turns } from './turns.js';

interface Failures {
  count: number;
  lastMs: number;
  /** Until when attempts are refused. */
  refusedUntilMs: number;
}

interface Rule {
  readonly free: number;
  readonly lock: number;
}

const ACCOUNT: Rule = {
  free: LOGIN_LIMITS.accountFreeFailures,
  lock: LOGIN_LIMITS.accountLockFailures,
};
const ADDRESS: Rule = {
  free: LOGIN_LIMITS.addressFreeFailures,
  lock: LOGIN_LIMITS.addressLockFailures,
};
const FIRST_WAIT_MS = 1000;

class FailureCounter {
  readonly #rule: Rule;
  readonly #clock: Clock;
  readonly #failures = new Map<string, Failures>();

  constructor(rule: Rule, clock: Clock) {
    this.#rule = rule;
    this.#clock = clock;
  }

  /** Milliseconds until an attempt is allowed; 0 for now. */
  waitMs(key: string): number {
    return Math.max(0, (this.#failures.get(key)?.refusedUntilMs ?? 0) - this.#clock.monotonicMs());
  }

  /** @returns Whether attempts are refused from now on, for the long time. */
  failed(key: string): boolean {
    const nowMs = this.#clock.monotonicMs();
    const before = this.#failures.get(key);
    const stale = before === undefined || nowMs - before.lastMs > LOGIN_LIMITS.forgetMs;
    const count = stale ? 1 : before.count + 1;
    const { free, lock } = this.#rule;
    const waitMs =
      count >= lock ? LOGIN_LIMITS.lockMs : count >= free ? FIRST_WAIT_MS * 2 ** (count - free) : 0;
    const refusedUntilMs = nowMs + Math.min(waitMs, LOGIN_LIMITS.lockMs);
    // Deleted first, so that the map stays in the order of the last failure.
    this.#failures.delete(key);
    this.#failures.set(key, { count, lastMs: nowMs, refusedUntilMs });
    const oldest = this.#failures.keys().next();
    if (this.#failures.size > LOGIN_LIMITS.rememberedMax && !oldest.done) {
      this.#failures.delete(oldest.value);
    }
    return count >= lock;
  }

  succeeded(key: string): void {
    this.#failures.delete(key);
  }
}

/** Lets a few attempts of each network be made at once; the others wait for their turn. */
class NetworkTurns {
  readonly #networks = new Map<string, Turns>();

  async run<T>(network: string, work: () => Promise<T>): Promise<T> {
    const turns = this.#networks.get(network) ?? new Turns(LOGIN_LIMITS.addressParallelMax);
    this.#networks.set(network, turns);
    try {
      return await turns.run(work);
    } finally {
      if (turns.isIdle) this.#networks.delete(network);
    }
  }
}

/** What was locked for {@link LOGIN_LIMITS.lockMs}. */
export interface Lockout {
  readonly scope: 'account' | 'address';
  readonly account: string;
  readonly address: string;
}

export class LoginThrottle {
  readonly #accounts: FailureCounter;
  readonly #addresses: FailureCounter;
  /** The attempts at one account wait for each other, so that none is made on credit. */
  readonly #turns = new Map<string, Promise<unknown>>();
  /** So do those of one network, a few at a time: else all that run would be allowed by the same count. */
  readonly #networkTurns = new NetworkTurns();
  readonly #onLocked: (lockout: Lockout) => void;

  constructor(clock: Clock, onLocked: (lockout: Lockout) => void = () => {}) {
    this.#onLocked = onLocked;
    this.#accounts = new FailureCounter(ACCOUNT, clock);
    this.#addresses = new FailureCounter(ADDRESS, clock);
  }

  /**
   * Makes one attempt, unless the account or the address has to wait.
   *
   * @param attempt Rejects with `auth_failed` for wrong credentials; only that counts.
   * @throws {CommandError} `auth_locked`, or whatever the attempt throws.
   */
  attempt<T>(account: string, address: string, attempt: () => Promise<T>): Promise<T> {
    const turn = (this.#turns.get(account) ?? Promise.resolve())
      .catch(() => {})
      .then(() =>
        this.#networkTurns.run(clientNetwork(address), () =>
          this.#attempt(account, address, attempt),
        ),
      );
    this.#turns.set(account, turn);
    const forget = (): void => {
      if (this.#turns.get(account) === turn) this.#turns.delete(account);
    };
    turn.then(forget, forget);
    return turn;
  }

  async #attempt<T>(account: string, address: string, attempt: () => Promise<T>): Promise<T> {
    const network = clientNetwork(address);
    const waitMs = Math.max(this.#accounts.waitMs(account), this.#addresses.waitMs(network));
    if (waitMs > 0) {
      const retryAfterSeconds = Math.ceil(waitMs / 1000);
      throw new CommandError(
        'auth_locked',
        `Cannot log in: too many failed logins, expected the next attempt in ${retryAfterSeconds} s`,
        { details: { retryAfterSeconds } },
      );
    }
    try {
      const result = await attempt();
      // The address stays as it is: one good account must not pay for guesses at others.
      this.#accounts.succeeded(account);
      return result;
    } catch (error) {
      if (error instanceof CommandError && error.code === 'auth_failed') {
        const isAccountLocked = this.#accounts.failed(account);
        const isAddressLocked = this.#addresses.failed(network);
        if (isAccountLocked) this.#onLocked({ scope: 'account', account, address });
        if (isAddressLocked) this.#onLocked({ scope: 'address', account, address });
      }
      throw error;
    }
  }
}
