/**
 * Who may come in by a shared token. The one place where text becomes a link: secret, expiry, the
 * account and the API token behind it, and its password. The API's logins and the pages for browsers
 * both go through here.
 *
 * A link is worth no more than what made it: it ends when its owner is removed or locked, and, made
 * by an API token, when that token is deleted or expires.
 */
import { CommandError } from '@jetstream/contract';
import type { Clock } from '../adapters/clock/clock.js';
import type { LoginThrottle } from '../sessions/login-throttle.js';
import type { LoginOwner } from '../sessions/session.js';
import type { TokenStore } from '../tokens/token-store.js';
import { hashSecret, newToken, parseToken, secretMatches } from '../tokens/token-text.js';
import type { PasswordVerifier } from '../users/password-hash.js';
import type { LinkStore, StoredLink } from './link-store.js';

export interface LinkGateOptions {
  readonly store: LinkStore;
  readonly tokens: Pick<TokenStore, 'find'>;
  readonly passwords: Pick<PasswordVerifier, 'verify'>;
  readonly throttle: LoginThrottle;
  /** The account behind a user name. @throws {CommandError} When it may not log in. */
  readonly ownerOf: (name: string) => Promise<LoginOwner>;
  readonly clock: Clock;
  /** From the option `apiDisableSharedTokens`. */
  readonly disabled: boolean;
}

/** A link whose secret was right. */
export interface FoundLink {
  readonly link: StoredLink;
  readonly owner: LoginOwner;
  readonly state: 'open' | 'expired' | 'used up';
  /** When it expires, by its own time or that of the API token behind it; null for never. */
  readonly expiryTimeUs: number | null;
}

const refused = (why: string, passwordRequired = false): CommandError =>
  new CommandError('auth_failed', `Cannot log in: ${why}`, {
    details: passwordRequired ? { passwordRequired } : {},
  });

const earlier = (first: number | null, second: number | null): number | null =>
  first === null ? second : second === null ? first : Math.min(first, second);

export class LinkGate {
  readonly #options: LinkGateOptions;
  /** Compared with when there is no link, so that an unknown id takes as long as a known one. */
  readonly #decoyHash = hashSecret(newToken().secret);

  constructor(options: LinkGateOptions) {
    this.#options = options;
  }

  /**
   * The link of a token's text; null when there is none, when the secret is wrong, and when what is
   * behind it is gone.
   */
  async find(text: string): Promise<FoundLink | null> {
    const { store, clock, disabled } = this.#options;
    const parsed = parseToken(text);
    if (disabled || parsed === null) return null;
    const link = await store.find(parsed.id);
    const isRight = secretMatches(parsed.secret, link?.secretHash ?? this.#decoyHash);
    if (link === null || !isRight) return null;
    const owner = await this.#ownerOf(link);
    if (owner === null) return null;
    let { expiryTimeUs } = link;
    if (link.ownerToken !== null) {
      const maker = await this.#options.tokens.find(link.ownerToken);
      if (maker === null) return null;
      expiryTimeUs = earlier(expiryTimeUs, maker.expiryTimeUs);
    }
    const hasExpired = expiryTimeUs !== null && expiryTimeUs <= clock.nowUs();
    const isUsedUp = link.downloadLimit !== null && link.downloadCount >= link.downloadLimit;
    const state = hasExpired ? 'expired' : isUsedUp ? 'used up' : 'open';
    return { link, owner, state, expiryTimeUs };
  }

  /**
   * A login of the API.
   *
   * @returns Null when the text names no link, and may be something else.
   * @throws {CommandError} `auth_failed`, `auth_locked`.
   */
  async logIn(
    given: { readonly token: string; readonly password: string | null; session: string | null },
    address: string,
  ): Promise<FoundLink | null> {
    const found = await this.find(given.token);
    if (found === null) return null;
    const { link, state } = found;
    if (state === 'expired') throw refused('the token has expired');
    // Whoever has made a transfer may watch it to its end, also when it was the last one.
    const watches =
      given.session !== null && (await this.#options.store.hasTransfers(link.id, given.session));
    if (state === 'used up' && !watches) {
      throw refused('the token has been used as often as it may be');
    }
    await this.checkPassword(link, given.password, address);
    return found;
  }

  /**
   * Checks a password, if the link asks for one. Wrong ones slow down whoever guesses.
   *
   * @throws {CommandError} `auth_failed`, `auth_locked`.
   */
  async checkPassword(link: StoredLink, password: string | null, address: string): Promise<void> {
    const { passwords, throttle } = this.#options;
    if (link.passwordHash === null) return;
    // Nobody who gives none has guessed.
    if (password === null) throw refused('the token asks for a password', true);
    await throttle.attempt(`token ${link.id}`, address, async () => {
      if (await passwords.verify(link.passwordHash, password)) return;
      throw refused('the password of the token is wrong', true);
    });
  }

  /**
   * Takes note of somebody who has come with a text that is no link.
   *
   * @throws {CommandError} `auth_failed`, or `auth_locked` after too many.
   */
  guessed(address: string): Promise<never> {
    return this.#options.throttle.attempt(`links from ${address}`, address, () =>
      Promise.reject(refused('there is no such link')),
    );
  }

  async #ownerOf(link: StoredLink): Promise<LoginOwner | null> {
    try {
      return await this.#options.ownerOf(link.owner);
    } catch (error) {
      if (error instanceof CommandError) return null;
      throw error;
    }
  }
}
