/**
 * Password hashes (argon2id) and their verification: a few at a time because each takes memory and
 * a core, and from a short memory when the same password was right a moment ago.
 */
import { createHmac, randomBytes } from 'node:crypto';
import { CommandError } from '@jetstream/contract';
import type { Clock } from '../adapters/clock/clock.js';
import { LOGIN_LIMITS } from '../sessions/limits.js';
import { Turns } from '../sessions/turns.js';

/** For argon2id, the library's default: a set that the OWASP password storage page recommends. */
const ARGON2 = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };

/** Loaded at the first password, so that no server waits for it at its start. */
const argon2 = (): Promise<typeof import('@node-rs/argon2')> => import('@node-rs/argon2');

/** Hash of a password in PHC format. */
export const hashPassword = async (password: string): Promise<string> =>
  (await argon2()).hash(password, ARGON2);

/** Verifies passwords; one for the whole server. */
export class PasswordVerifier {
  readonly #clock: Clock;
  readonly #cacheKey = randomBytes(32);
  /** Digest of a hash with its right password, to the moment when it is forgotten. */
  readonly #right = new Map<string, number>();
  /** What an unknown user's password is compared with, so that it takes as long as a known one's. */
  #decoy: Promise<string> | null = null;
  readonly #turns = new Turns(LOGIN_LIMITS.verifyParallelMax);

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Whether a password belongs to a hash; null stands for an unknown account and is never right,
   * after the same time.
   */
  async verify(passwordHash: string | null, password: string): Promise<boolean> {
    const digest = createHmac('sha256', this.#cacheKey)
      .update(`${passwordHash ?? ''}\0${password}`)
      .digest('base64');
    if ((this.#right.get(digest) ?? 0) > this.#clock.monotonicMs()) return true;
    const right = await this.#inTurn(async () => {
      // Waited for in either case: the first login must not tell by its time which accounts exist.
      this.#decoy ??= hashPassword(randomBytes(16).toString('hex'));
      const decoy = await this.#decoy;
      return (await argon2()).verify(passwordHash ?? decoy, password);
    });
    if (!right || passwordHash === null) return false;
    this.#remember(digest);
    return true;
  }

  #remember(digest: string): void {
    const oldest = this.#right.keys().next();
    if (this.#right.size >= LOGIN_LIMITS.verifiedMax && !oldest.done) {
      this.#right.delete(oldest.value);
    }
    this.#right.set(digest, this.#clock.monotonicMs() + LOGIN_LIMITS.verifiedMs);
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#turns.waiting >= LOGIN_LIMITS.verifyWaitingMax) {
      throw new CommandError(
        'auth_locked',
        'Cannot log in: too many logins at once, expected a later attempt',
      );
    }
    return this.#turns.run(work);
  }
}
