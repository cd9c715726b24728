import { expect, it } from 'vitest';
import { LINK_LIMITS } from '../limits.js';
import type { StoredLink } from '../link-store.js';
import { newRedemptionKey, PasswordCookies, redemptionCookie, redemptionKeyOf } from './cookies.js';

const link = { id: 'one', passwordHash: 'hash' } as StoredLink;
const valueIn = (cookie: string): string => cookie.split(';')[0] ?? '';

it('a proof of the password is for one link with that password, and ends', () => {
  const cookies = new PasswordCookies();
  const cookie = cookies.make(link, 0, '/d/x');
  expect(cookie).toMatch(/; Path=\/d\/x; .*HttpOnly; Secure; SameSite=Strict$/);
  const header = `a=b; ${valueIn(cookie)}`;
  expect(cookies.isValid(header, link, 1)).toBe(true);
  expect(cookies.isValid(header, { ...link, id: 'two' }, 1)).toBe(false);
  expect(cookies.isValid(header, { ...link, passwordHash: 'new' }, 1)).toBe(false);
  expect(cookies.isValid(header, link, LINK_LIMITS.passwordMs * 1000)).toBe(false);
  expect(new PasswordCookies().isValid(header, link, 1)).toBe(false);
  expect(cookies.isValid(header.replace(/=\d/, '=9'), link, 1)).toBe(false);
  expect(cookies.isValid(undefined, link, 1)).toBe(false);
});

it('the name of a download comes back, and nothing else is taken for one', () => {
  const key = newRedemptionKey();
  expect(redemptionKeyOf(`x=1; ${valueIn(redemptionCookie(key, '/d/x'))}`)).toBe(key);
  expect(redemptionKeyOf('js_download=short')).toBeNull();
  expect(redemptionKeyOf(`xjs_download=${key}`)).toBeNull();
});
