/**
 * Ends logins whose credential has ended: at once for tokens deleted here, within a second for
 * users that `jetstream users` changed in another process.
 */
import { type Clock, every, type Timer } from '../adapters/clock/clock.js';
import type { Logger } from '../adapters/log/logger.js';
import type { UserStore } from '../users/user-store.js';
import type { Elevation } from '../wranglers/elevation.js';
import type { HeaderLogin } from './http-login.js';
import { LOGIN_LIMITS } from './limits.js';
import type { Credential } from './session.js';
import type { SessionRegistry } from './session-registry.js';

/** Something that holds logins. */
export interface LoginHolder {
  endLogins(isEnded: (credential: Credential) => boolean): void;
}

export interface RevocationOptions {
  readonly users: UserStore;
  readonly sessions: LoginHolder &
    Pick<SessionRegistry, 'changeExpiry' | 'credentials' | 'endWranglers' | 'wranglers'>;
  readonly http: LoginHolder & Pick<HeaderLogin, 'clear' | 'endElevations'>;
  readonly elevation: Pick<Elevation, 'isEligible'>;
  readonly logins: { revoked(): void };
  /** A number that changes when another process has changed the database. */
  readonly foreignChanges: () => number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The built-in user that a credential rests on; null for accounts of the operating system. */
const userOf = (credential: Credential): { userName: string; userVersion: number } | null => {
  if (credential.kind === 'user') return credential;
  if (credential.kind !== 'token') return null;
  return credential.owner.kind === 'user' ? credential.owner : null;
};

export class Revocation {
  readonly #options: RevocationOptions;
  #checks: Timer | null = null;
  #seen = 0;

  constructor(options: RevocationOptions) {
    this.#options = options;
  }

  start(): void {
    this.#seen = this.#options.foreignChanges();
    this.#checks = every(this.#options.clock, LOGIN_LIMITS.revalidateMs, () => {
      const now = this.#options.foreignChanges();
      if (now === this.#seen) return;
      this.#seen = now;
      this.checkUsers().catch((error: unknown) =>
        this.#options.logger.error({ err: error }, 'logins could not be checked again'),
      );
    });
  }

  stop(): void {
    this.#checks?.cancel();
  }

  /** Ends all logins by a token. */
  tokenRemoved(tokenId: string): void {
    const isEnded = (credential: Credential): boolean =>
      credential.kind === 'token' && credential.tokenId === tokenId;
    this.#options.logins.revoked();
    this.#options.sessions.endLogins(isEnded);
    this.#options.http.endLogins(isEnded);
  }

  /** Logins by a token last until its new expiry. */
  tokenUpdated(tokenId: string, expiryTimeUs: number | null): void {
    this.#options.logins.revoked();
    this.#options.sessions.changeExpiry(tokenId, expiryTimeUs);
    this.#options.http.endLogins(
      (credential) => credential.kind === 'token' && credential.tokenId === tokenId,
    );
  }

  /** Sandboxes have changed: sessions keep theirs, and each call over HTTP is a session of its own. */
  sandboxesChanged(): void {
    this.#options.logins.revoked();
    this.#options.http.clear();
  }

  /** Ends the elevation of sessions that may no longer be wranglers. */
  async checkWranglers(): Promise<void> {
    const { sessions, http, elevation } = this.#options;
    http.endElevations();
    const byName = new Map(sessions.wranglers().map((caller) => [caller.userName, caller]));
    for (const [userName, caller] of byName) {
      // A right that cannot be confirmed is none: the session may ask for it again.
      const isEligible = await elevation.isEligible(caller, 'wrangler').catch(() => false);
      if (!isEligible) sessions.endWranglers(userName);
    }
  }

  /** Ends all logins of users that have changed since. */
  async checkUsers(): Promise<void> {
    this.#options.logins.revoked();
    this.#options.http.clear();
    const current = new Map<string, number | null>();
    for (const credential of this.#options.sessions.credentials()) {
      const user = userOf(credential);
      if (user === null || current.has(user.userName)) continue;
      const stored = await this.#options.users.find(user.userName);
      current.set(user.userName, stored === null || stored.locked ? null : stored.version);
    }
    this.#options.sessions.endLogins((credential) => {
      const user = userOf(credential);
      // Who came meanwhile has been checked against the present state already.
      const version = user === null ? undefined : current.get(user.userName);
      return user !== null && version !== undefined && version !== user.userVersion;
    });
  }
}
