/** Text of API tokens: `js1.<id>.<secret>`. Only a hash of the secret is kept. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { Secret } from '../adapters/log/secret.js';

const ID_BYTES = 12;
const SECRET_BYTES = 20;
const TEXT = /^js1\.([A-Za-z0-9_-]{16})\.([A-Za-z0-9_-]{27})$/;

export interface TokenText {
  readonly id: string;
  readonly secret: Secret;
}

/** Makes a new token's id and secret. */
export const newToken = (): TokenText => ({
  id: randomBytes(ID_BYTES).toString('base64url'),
  secret: new Secret(randomBytes(SECRET_BYTES).toString('base64url')),
});

/** The whole text, shown to its creator once. */
export const formatToken = (token: TokenText): string => `js1.${token.id}.${token.secret.reveal()}`;

/** Parses text given as a token; null when it is none. */
export const parseToken = (text: string): TokenText | null => {
  const [, id, secret] = TEXT.exec(text) ?? [];
  return id === undefined || secret === undefined ? null : { id, secret: new Secret(secret) };
};

/** Id that a token's text or an id itself names. */
export const tokenIdOf = (text: string): string => parseToken(text)?.id ?? text;

/** What is kept of a secret. It is random, so a plain hash cannot be searched. */
export const hashSecret = (secret: Secret): string =>
  createHash('sha256').update(secret.reveal()).digest('hex');

/** Compares a secret with what was kept, in constant time. */
export const secretMatches = (secret: Secret, secretHash: string): boolean => {
  const given = Buffer.from(hashSecret(secret), 'hex');
  const kept = Buffer.from(secretHash, 'hex');
  return given.length === kept.length && timingSafeEqual(given, kept);
};
