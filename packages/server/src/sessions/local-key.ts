/**
 * The local key: a secret in the state directory. Whoever can read it is the account that runs the
 * server, so clients of that account log in without a password. It works from this machine only.
 */
import { createHash, randomBytes, timingSafeEqual, X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { Secret } from '../adapters/log/secret.js';
import { readOptionalFile, writePrivateFile } from '../adapters/state-dir/write-private-file.js';

export const LOCAL_KEY_FILE = 'local.key';
const KEY = /^jsk\.[0-9a-f]{64}$/;

/** Whether text given as a token is a local key. */
export const isLocalKeyText = (text: string): boolean => text.startsWith('jsk.');

interface StoredKey {
  readonly serverUid: string;
  readonly key: Secret;
}

const parse = (text: string | null): StoredKey | null => {
  if (text === null) return null;
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null) return null;
    const { serverUid, key } = value as Record<string, unknown>;
    if (typeof serverUid !== 'string' || typeof key !== 'string' || !KEY.test(key)) return null;
    return { serverUid, key: new Secret(key) };
  } catch {
    return null;
  }
};

/** What clients compare the server's key with: `SHA256:` and base64 of the digest of its SPKI. */
const fingerprintOf = (certificatePem: string): string => {
  const { publicKey } = new X509Certificate(certificatePem);
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  return `SHA256:${createHash('sha256').update(spki).digest('base64').replace(/=+$/, '')}`;
};

export class LocalKey {
  readonly #path: string;
  readonly #stored: StoredKey;

  constructor(path: string, stored: StoredKey) {
    this.#path = path;
    this.#stored = stored;
  }

  /** Compares in constant time. */
  matches(text: string): boolean {
    const own = Buffer.from(this.#stored.key.reveal());
    const given = Buffer.from(text);
    return given.length === own.length && timingSafeEqual(given, own);
  }

  /** Writes the file that clients read: the key, and how to know the server that it is for. */
  publish(server: { readonly apiPort: number; readonly certificatePem: string }): void {
    const { serverUid, key } = this.#stored;
    const content = {
      serverUid,
      key: key.reveal(),
      fingerprint: fingerprintOf(server.certificatePem),
      apiPort: server.apiPort,
    };
    writePrivateFile(this.#path, `${JSON.stringify(content)}\n`);
  }
}

/** Loads the local key of a state directory; makes one when there is none for this server. */
export const openLocalKey = (stateDir: string, serverUid: string): LocalKey => {
  const path = join(stateDir, LOCAL_KEY_FILE);
  const stored = parse(readOptionalFile(path));
  if (stored?.serverUid === serverUid) return new LocalKey(path, stored);
  const key = new Secret(`jsk.${randomBytes(32).toString('hex')}`);
  return new LocalKey(path, { serverUid, key });
};
