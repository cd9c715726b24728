/**
 * What the control port shows to browsers. None of them takes a certificate over an Ed25519 key, which
 * is what the identity of the server is; so there is a second one over a P-256 key. Whoever can tell
 * the identity by its key is still shown that one.
 */
import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { join } from 'node:path';
import { readOptionalFile, writePrivateFile } from '../state-dir/write-private-file.js';
import { type IdentityOptions, loadCertificate } from './identity.js';

const KEY_FILE = 'browser.key';
const CERTIFICATE_FILE = 'browser.crt';

/** A key with its certificate, both as PEM. */
export interface TlsPair {
  readonly privateKeyPem: string;
  readonly certificatePem: string;
}

/** The order in which the two kinds of keys are offered: the identity first. */
export const SIGNATURES = 'ed25519:ecdsa_secp256r1_sha256';

const loadKey = (stateDir: string): KeyObject => {
  const path = join(stateDir, KEY_FILE);
  const stored = readOptionalFile(path);
  if (stored !== null) return createPrivateKey(stored);
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  writePrivateFile(path, privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
  return privateKey;
};

/** Loads the pair of a state directory, making it at the first start. */
export const openBrowserCertificate = (options: IdentityOptions): TlsPair => {
  const key = loadKey(options.stateDir);
  return {
    privateKeyPem: key.export({ type: 'pkcs8', format: 'pem' }).toString(),
    certificatePem: loadCertificate(key, CERTIFICATE_FILE, options),
  };
};
