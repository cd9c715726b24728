/**
 * Ends logins of accounts of the operating system that were locked, have expired or are gone. The
 * system tells of no such change, so those that are logged in are asked about again and again.
 */
import { type Clock, every, type Timer } from '../adapters/clock/clock.js';
import type { Logger } from '../adapters/log/logger.js';
import { LOGIN_LIMITS } from './limits.js';
import type { OsLogins } from './os-logins.js';
import type { LoginHolder } from './revocation.js';
import type { Credential } from './session.js';
import type { SessionRegistry } from './session-registry.js';

export interface OsRevocationOptions {
  readonly osLogins: Pick<OsLogins, 'isUsable'>;
  readonly sessions: LoginHolder & Pick<SessionRegistry, 'credentials'>;
  readonly http: { clear(): void };
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The account that a login rests on; null for other logins. */
const accountOf = (credential: Credential): string | null => {
  if (credential.kind === 'os user') return credential.userName;
  if (credential.kind !== 'token' || credential.owner.kind !== 'os user') return null;
  return credential.owner.userName;
};

export class OsRevocation {
  readonly #options: OsRevocationOptions;
  #checks: Timer | null = null;

  constructor(options: OsRevocationOptions) {
    this.#options = options;
  }

  start(): void {
    const { clock, logger } = this.#options;
    this.#checks = every(clock, LOGIN_LIMITS.osRevalidateMs, () => {
      this.check().catch((error: unknown) =>
        logger.error({ err: error }, 'accounts of the machine could not be checked again'),
      );
    });
  }

  stop(): void {
    this.#checks?.cancel();
  }

  /** Ends the logins of accounts that may not be used any more. */
  async check(): Promise<void> {
    const { sessions, http } = this.#options;
    const names = new Set(sessions.credentials().map(accountOf));
    for (const name of names) {
      if (name === null || !(await this.#isGone(name))) continue;
      sessions.endLogins((credential) => accountOf(credential) === name);
      http.clear();
    }
  }

  /** Without an answer of the system a login goes on. */
  async #isGone(name: string): Promise<boolean> {
    const { osLogins, logger } = this.#options;
    try {
      return !(await osLogins.isUsable(name));
    } catch (error) {
      logger.warn({ err: error, userName: name }, 'an account could not be checked again');
      return false;
    }
  }
}
