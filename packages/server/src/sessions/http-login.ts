/**
 * Logins of single HTTP calls: `Authorization: Bearer <API token or local key>`, or Basic with a
 * user name and password (or with a token in place of the name and the token's password).
 *
 * HTTP has no session. `X-JetStream-Level: wrangler` or `superuser` asks for elevation of the one call;
 * `X-JetStream-Token-Session` names the token session, `http` when absent, so that the calls of one
 * token see each other's objects.
 */
import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { CommandError } from '@jetstream/contract';
import type { Clock } from '../adapters/clock/clock.js';
import type { HttpLogin } from '../control/http-calls.js';
import type { Elevated, Elevation } from '../wranglers/elevation.js';
import type { Caller } from './caller.js';
import { LOGIN_LIMITS } from './limits.js';
import type { LoginService } from './login-service.js';
import { type Credential, HTTP_TOKEN_SESSION, type Login } from './session.js';

const TOKEN_SESSION_CHARACTERS_MAX = 256;

interface Remembered {
  readonly login: Login;
  /** The caller at the levels that were asked for; gone when a right is taken back. */
  readonly elevated: Map<Elevated, Caller>;
  readonly untilMs: number;
}

const unusable = (why: string): CommandError =>
  new CommandError(
    'auth_failed',
    `Cannot log in: ${why}, expected "Authorization: Bearer <token>" or "Basic <base64 of user:password>"`,
  );

const single = (value: string | string[] | undefined): string | null =>
  typeof value === 'string' ? value : null;

export class HeaderLogin implements HttpLogin {
  readonly #logins: LoginService;
  readonly #elevation: Elevation;
  readonly #clock: Clock;
  /** Hash of headers and address to a login that was right a moment ago. */
  readonly #remembered = new Map<string, Remembered>();

  constructor(logins: LoginService, elevation: Elevation, clock: Clock) {
    this.#logins = logins;
    this.#elevation = elevation;
    this.#clock = clock;
  }

  async login(headers: IncomingHttpHeaders, address: string): Promise<Caller | null> {
    const { authorization } = headers;
    if (authorization === undefined) return null;
    const session = single(headers['x-jetstream-token-session']) ?? HTTP_TOKEN_SESSION;
    if (session.length > TOKEN_SESSION_CHARACTERS_MAX) throw unusable('the token session is long');
    const key = createHash('sha256')
      .update(`${authorization}\0${session}\0${address}`)
      .digest('base64');
    const remembered =
      this.#recall(key) ?? this.#remember(key, await this.#verify(authorization, session, address));
    return this.#atLevel(remembered, single(headers['x-jetstream-level']));
  }

  /** Forgets logins that rest on a credential that has ended. */
  endLogins(isEnded: (credential: Credential) => boolean): void {
    for (const [key, { login }] of this.#remembered) {
      if (isEnded(login.credential)) this.#remembered.delete(key);
    }
  }

  /** Forgets all; the next calls are checked anew. */
  clear(): void {
    this.#remembered.clear();
  }

  /** Forgets who was elevated; the next calls are checked anew. */
  endElevations(): void {
    for (const { elevated } of this.#remembered.values()) elevated.clear();
  }

  async #atLevel(remembered: Remembered, level: string | null): Promise<Caller> {
    const { login, elevated } = remembered;
    if (level === null || level === 'user') return login.caller;
    if (level !== 'wrangler' && level !== 'superuser') {
      throw new CommandError(
        'permission_denied',
        `Cannot call at level ${JSON.stringify(level.slice(0, 50))}: expected "user", "wrangler" or "superuser"`,
      );
    }
    if (!elevated.has(level)) {
      await this.#elevation.elevate(login.caller, level, (caller) => elevated.set(level, caller));
    }
    return elevated.get(level) ?? login.caller;
  }

  #verify(authorization: string, tokenSession: string, address: string): Promise<Login> {
    const [scheme = '', value = ''] = authorization.split(/ +/, 2);
    if (scheme.toLowerCase() === 'bearer') {
      return this.#logins.byToken({ token: value, password: null, tokenSession }, address);
    }
    if (scheme.toLowerCase() !== 'basic') {
      return Promise.reject(unusable('the scheme of the Authorization header is unknown'));
    }
    const text = Buffer.from(value, 'base64').toString('utf8');
    const colon = text.indexOf(':');
    if (colon < 1) return Promise.reject(unusable('the Basic credentials hold no colon'));
    const name = text.slice(0, colon);
    const password = text.slice(colon + 1);
    return name.startsWith('js1.')
      ? this.#logins.byToken({ token: name, password, tokenSession }, address)
      : this.#logins.byPassword(name, password, address);
  }

  #recall(key: string): Remembered | null {
    const remembered = this.#remembered.get(key);
    if (remembered === undefined) return null;
    const { credential } = remembered.login;
    const expiryTimeUs = credential.kind === 'token' ? credential.expiryTimeUs : null;
    const expired = expiryTimeUs !== null && expiryTimeUs <= this.#clock.nowUs();
    if (!expired && remembered.untilMs > this.#clock.monotonicMs()) return remembered;
    this.#remembered.delete(key);
    return null;
  }

  #remember(key: string, login: Login): Remembered {
    const oldest = this.#remembered.keys().next();
    if (this.#remembered.size >= LOGIN_LIMITS.httpCredentialsMax && !oldest.done) {
      this.#remembered.delete(oldest.value);
    }
    const untilMs = this.#clock.monotonicMs() + LOGIN_LIMITS.httpCredentialsMs;
    const remembered = { login, elevated: new Map<Elevated, Caller>(), untilMs };
    this.#remembered.set(key, remembered);
    return remembered;
  }
}
