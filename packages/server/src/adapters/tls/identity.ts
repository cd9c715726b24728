/**
 * Who this server is: an Ed25519 key made at the first start. It proves the server's identity to
 * clients (the certificate of the control API) and to other servers (the data plane).
 */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  X509Certificate,
} from 'node:crypto';
import { join } from 'node:path';
import { readOptionalFile, writePrivateFile } from '../state-dir/write-private-file.js';
import { selfSignedCertificate } from './self-signed.js';

const KEY_FILE = 'identity.key';
const CERTIFICATE_FILE = 'identity.crt';
const YEARS_VALID = 10;
const DAY_MS = 86_400_000;
/** Clocks of clients may be behind. */
const BACKDATED_MS = DAY_MS;
/** A certificate is replaced, over the same key, when it has fewer days left than this. */
const RENEW_DAYS = 30;
const RAW_KEY_BYTES = 32;

export interface Identity {
  /** PKCS #8. */
  readonly privateKeyPem: string;
  readonly certificatePem: string;
  /** The raw 32 bytes of the public key. */
  readonly publicKeyBase64: string;
  /** First 128 bits of the SHA-256 of the raw public key, hex. */
  readonly keyId: string;
}

export interface IdentityOptions {
  readonly stateDir: string;
  readonly hostName: string;
  readonly serverUid: string;
  readonly nowMs: number;
}

const loadKey = (stateDir: string): KeyObject => {
  const path = join(stateDir, KEY_FILE);
  const stored = readOptionalFile(path);
  if (stored !== null) return createPrivateKey(stored);
  const { privateKey } = generateKeyPairSync('ed25519');
  writePrivateFile(path, privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
  return privateKey;
};

const isCurrent = (certificatePem: string, key: KeyObject, nowMs: number): boolean => {
  const certificate = new X509Certificate(certificatePem);
  const daysLeft = (Date.parse(certificate.validTo) - nowMs) / DAY_MS;
  return certificate.checkPrivateKey(key) && daysLeft > RENEW_DAYS;
};

/** A host name that a certificate can carry: ASCII letters, digits, dots and dashes. */
const isDnsName = (name: string): boolean => /^[A-Za-z0-9.-]{1,253}$/.test(name);

/** The certificate of a key, made anew when there is none or it is about to expire. */
export const loadCertificate = (key: KeyObject, file: string, options: IdentityOptions): string => {
  const path = join(options.stateDir, file);
  const stored = readOptionalFile(path);
  if (stored !== null && isCurrent(stored, key, options.nowMs)) return stored;
  const notAfter = new Date(options.nowMs);
  notAfter.setUTCFullYear(notAfter.getUTCFullYear() + YEARS_VALID);
  const certificate = selfSignedCertificate({
    privateKey: key,
    commonName: options.serverUid,
    hosts: ['localhost', '127.0.0.1', '::1', options.hostName, options.serverUid].filter(
      (host) => host.includes(':') || isDnsName(host),
    ),
    notBefore: new Date(options.nowMs - BACKDATED_MS),
    notAfter,
  });
  writePrivateFile(path, certificate);
  return certificate;
};

/** Loads the identity of a state directory, making it at the first start. */
export const openIdentity = (options: IdentityOptions): Identity => {
  const key = loadKey(options.stateDir);
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' });
  const raw = spki.subarray(spki.length - RAW_KEY_BYTES);
  return {
    privateKeyPem: key.export({ type: 'pkcs8', format: 'pem' }).toString(),
    certificatePem: loadCertificate(key, CERTIFICATE_FILE, options),
    publicKeyBase64: raw.toString('base64'),
    keyId: createHash('sha256').update(raw).digest('hex').slice(0, 32),
  };
};

/** Days until a certificate expires, negative afterwards. */
export const certificateDaysLeft = (certificatePem: string, nowMs: number): number =>
  (Date.parse(new X509Certificate(certificatePem).validTo) - nowMs) / DAY_MS;
