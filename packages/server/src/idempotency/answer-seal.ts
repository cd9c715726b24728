/**
 * Answers at rest. An answer may hold a secret that is shown only once, such as a new API token, so
 * it is stored encrypted under the client's idempotency key, of which the server keeps a hash only:
 * without that key a stolen database does not yield it.
 */
import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto';

const CIPHER = 'aes-256-gcm';
const SALT_BYTES = 16;
const IV_BYTES = 12;
const TAG_BYTES = 16;

const secretOf = (key: string, salt: Uint8Array): Buffer =>
  Buffer.from(hkdfSync('sha256', key, salt, 'jetstream idempotent answer', 32));

/** Hash that a call is found by. @param scope Whose key it is; the same text of others is another key. */
export const keyHashOf = (scope: readonly string[], key: string): string =>
  createHash('sha256')
    .update(JSON.stringify([...scope, key]))
    .digest('hex');

/** Encrypts an answer, JSON text. */
export const sealAnswer = (key: string, answer: string): Buffer => {
  const salt = randomBytes(SALT_BYTES);
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv(CIPHER, secretOf(key, salt), iv);
  const sealed = Buffer.concat([cipher.update(answer, 'utf8'), cipher.final()]);
  return Buffer.concat([salt, iv, cipher.getAuthTag(), sealed]);
};

/** @throws {Error} If the key is another one or the bytes were changed. */
export const openAnswer = (key: string, bytes: Uint8Array): string => {
  const ivAt = SALT_BYTES;
  const tagAt = ivAt + IV_BYTES;
  const sealedAt = tagAt + TAG_BYTES;
  const secret = secretOf(key, bytes.subarray(0, ivAt));
  const decipher = createDecipheriv(CIPHER, secret, bytes.subarray(ivAt, tagAt));
  decipher.setAuthTag(bytes.subarray(tagAt, sealedAt));
  return Buffer.concat([decipher.update(bytes.subarray(sealedAt)), decipher.final()]).toString();
};
