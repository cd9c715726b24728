/**
 * The key file that a server run by an ordinary user leaves for that user's programs: with it they
 * log in without a password, and it names the server's identity, so that a stranger who listens on
 * the same loopback port gets neither the key nor trust.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { userDirectories } from './known-servers.js';

/** Content of a local key file. */
export interface LocalKey {
  /** Where it was read. */
  readonly file: string;
  /** Credential, passed as a token. */
  readonly key: string;
  readonly serverUid: string;
  /** Key that the server shows, as in `known_servers`: `SHA256:` and base64. */
  readonly fingerprint: string;
  /** TCP port on which the server answers; null when the file does not say. */
  readonly apiPort: number | null;
}

const FILE_NAME = 'local.key';

/** Where a server started with default settings leaves its key file. */
export const defaultLocalKeyFiles = (): readonly string[] => {
  const own = join(userDirectories().state, FILE_NAME);
  return process.getuid?.() === 0 ? ['/var/lib/jetstream/state/local.key', own] : [own];
};

/** Reads a key file; null when there is none, when it is unreadable, or when it is no key file. */
export const readLocalKey = (file: string): LocalKey | null => {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return null;
  }
  if (typeof value !== 'object' || value === null) return null;
  const { key, serverUid, fingerprint, apiPort } = value as Record<string, unknown>;
  if (typeof key !== 'string' || typeof serverUid !== 'string') return null;
  if (typeof fingerprint !== 'string') return null;
  return {
    file,
    key,
    serverUid,
    fingerprint,
    apiPort: typeof apiPort === 'number' ? apiPort : null,
  };
};

/** Whether a host name or address can only be this machine. */
export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || host === '[::1]' || /^127(\.\d{1,3}){3}$/.test(host);
