import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openBrowserCertificate } from './browser-certificate.js';
import { certificateDaysLeft, openIdentity } from './identity.js';

const NOW_MS = Date.UTC(2030, 0, 2);
const YEAR_MS = 365.25 * 86_400_000;
let stateDir = '';
const options = (nowMs = NOW_MS) => ({
  stateDir,
  hostName: 'files.example.org',
  serverUid: '0f3c',
  nowMs,
});

beforeEach(() => {
  stateDir = mkdtempSync(join(tmpdir(), 'jetstream-identity-'));
});
afterEach(() => rmSync(stateDir, { recursive: true }));

test('openIdentity: the certificate is valid, self-signed and names the host', () => {
  const identity = openIdentity(options());
  const certificate = new X509Certificate(identity.certificatePem);
  expect(certificate.verify(certificate.publicKey)).toBe(true);
  expect(certificate.checkHost('files.example.org')).toBe('files.example.org');
  expect(certificate.checkHost('localhost')).toBe('localhost');
  expect(certificate.checkIP('127.0.0.1')).toBe('127.0.0.1');
  expect(certificate.checkIP('::1')).toBeDefined();
  expect(certificate.checkHost('other.example.org')).toBeUndefined();
  expect(certificate.ca).toBe(false);
  expect(certificateDaysLeft(identity.certificatePem, NOW_MS)).toBeCloseTo(3652, -1);
  expect(Buffer.from(identity.publicKeyBase64, 'base64')).toHaveLength(32);
});

test('openIdentity: a second start finds the same identity, in files for the owner only', () => {
  const first = openIdentity(options());
  expect(openIdentity(options())).toEqual(first);
  expect(statSync(join(stateDir, 'identity.key')).mode & 0o777).toBe(0o600);
});

test('openIdentity: an old certificate is renewed over the same key', () => {
  const first = openIdentity(options());
  const later = openIdentity(options(NOW_MS + 9.99 * YEAR_MS));
  expect(later.publicKeyBase64).toBe(first.publicKeyBase64);
  expect(later.certificatePem).not.toBe(first.certificatePem);
  // Beyond 2049 dates take another form.
  const beyond = openIdentity(options(Date.UTC(2049, 11, 15)));
  expect(new X509Certificate(beyond.certificatePem).validTo).toContain('2059');
});

test('openBrowserCertificate: a P-256 certificate that is kept, over a key for the owner only', () => {
  const first = openBrowserCertificate(options());
  const certificate = new X509Certificate(first.certificatePem);
  expect(certificate.publicKey.asymmetricKeyDetails).toEqual({ namedCurve: 'prime256v1' });
  expect(certificate.verify(certificate.publicKey)).toBe(true);
  expect(certificate.checkHost('files.example.org')).toBe('files.example.org');
  expect(openBrowserCertificate(options())).toEqual(first);
  expect(statSync(join(stateDir, 'browser.key')).mode & 0o777).toBe(0o600);
});
