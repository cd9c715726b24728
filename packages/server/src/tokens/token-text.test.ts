import { inspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  formatToken,
  hashSecret,
  newToken,
  parseToken,
  secretMatches,
  tokenIdOf,
} from './token-text.js';

describe('token text', () => {
  test('what is made can be read, and its secret is told from others', () => {
    const token = newToken();
    const parsed = parseToken(formatToken(token));
    expect(parsed?.id).toBe(token.id);
    const hash = hashSecret(token.secret);
    expect(secretMatches(parsed?.secret ?? newToken().secret, hash)).toBe(true);
    expect(secretMatches(newToken().secret, hash)).toBe(false);
    expect(tokenIdOf(formatToken(token))).toBe(token.id);
    expect(tokenIdOf(token.id)).toBe(token.id);
  });

  test('the secret does not show when a token is printed', () => {
    const token = newToken();
    const secret = token.secret.reveal();
    for (const shown of [inspect(token), JSON.stringify(token), `${token.secret}`]) {
      expect(shown).not.toContain(secret);
      expect(shown).toContain('redacted');
    }
  });

  test('property: other text is no token', () => {
    const near = fc.tuple(fc.string(), fc.string()).map(([id, secret]) => `js1.${id}.${secret}`);
    fc.assert(
      fc.property(fc.oneof(fc.string(), near), (text) => {
        const parsed = parseToken(text);
        if (parsed !== null) expect(formatToken(parsed)).toBe(text);
      }),
    );
  });
});
