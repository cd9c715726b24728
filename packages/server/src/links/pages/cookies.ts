/** Cookies of the pages: who is in the middle of a download, and who has given the password. */
import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { LINK_LIMITS } from '../limits.js';
import type { StoredLink } from '../link-store.js';

const REDEMPTION = 'js_download';
const PASSWORD = 'js_password';
const KEY = /^[A-Za-z0-9_-]{22}$/;

/** Value of a cookie; null when it is absent. */
const cookieOf = (header: string | undefined, name: string): string | null => {
  for (const part of (header ?? '').split(';')) {
    const equals = part.indexOf('=');
    if (equals > 0 && part.slice(0, equals).trim() === name) return part.slice(equals + 1).trim();
  }
  return null;
};

/** It reaches this link's pages only, over TLS only, and never from a page of another site. */
const cookie = (name: string, value: string, place: { path: string; seconds: number }): string =>
  `${name}=${value}; Path=${place.path}; Max-Age=${place.seconds}; HttpOnly; Secure; SameSite=Strict`;

/** The key that a client names its download by; null when it names none. */
export const redemptionKeyOf = (header: string | undefined): string | null => {
  const value = cookieOf(header, REDEMPTION);
  return value !== null && KEY.test(value) ? value : null;
};

export const newRedemptionKey = (): string => randomBytes(16).toString('base64url');

/** What is kept of a key. */
export const hashRedemptionKey = (key: string): string =>
  createHash('sha256').update(key).digest('hex');

export const redemptionCookie = (key: string, path: string): string =>
  cookie(REDEMPTION, key, { path, seconds: LINK_LIMITS.redemptionMs / 1000 });

/** Proofs that the password of a link was given; good until a restart at most. */
export class PasswordCookies {
  readonly #secret = randomBytes(32);

  make(link: StoredLink, nowUs: number, path: string): string {
    const until = Math.floor(nowUs / 1000) + LINK_LIMITS.passwordMs;
    const value = `${until}.${this.#mac(link, until)}`;
    return cookie(PASSWORD, value, { path, seconds: LINK_LIMITS.passwordMs / 1000 });
  }

  isValid(header: string | undefined, link: StoredLink, nowUs: number): boolean {
    const value = cookieOf(header, PASSWORD);
    const [, untilText = '', mac = ''] =
      /^(\d{1,16})\.([A-Za-z0-9_-]{43})$/.exec(value ?? '') ?? [];
    const until = Number(untilText);
    if (mac === '' || until * 1000 <= nowUs) return false;
    return timingSafeEqual(Buffer.from(mac), Buffer.from(this.#mac(link, until)));
  }

  #mac(link: StoredLink, until: number): string {
    const facts = `${link.id}\0${link.passwordHash ?? ''}\0${until}`;
    return createHmac('sha256', this.#secret).update(facts).digest('base64url');
  }
}
