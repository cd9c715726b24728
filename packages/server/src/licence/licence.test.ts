import { execFileSync } from 'node:child_process';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { ManualClock } from '../adapters/clock/manual-clock.js';
import { ServerLab } from '../server-lab.conformance.js';
import { checkLicenceKey, encodeLicenceKey, type LicenceStatement } from './licence-key.js';
import { trustedLicenceKeys } from './licence-service.js';

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const signer = generateKeyPairSync('ed25519');
const stranger = generateKeyPairSync('ed25519');
const pem = (key: KeyObject): string => key.export({ type: 'spki', format: 'pem' }).toString();
const STATEMENT: LicenceStatement = {
  licenseId: 'L-1',
  licensee: 'Ann & Co.',
  issued: '2026-01-01T00:00:00Z',
};
const keyOf = (change: Partial<LicenceStatement> = {}, by = signer): string =>
  encodeLicenceKey({ ...STATEMENT, ...change }, by.privateKey);

const keyFile = (...keys: readonly string[]): string => {
  const dir = mkdtempSync(join(tmpdir(), 'jetstream-licence-'));
  cleanups.push(() => rmSync(dir, { recursive: true }));
  writeFileSync(join(dir, 'keys.pem'), keys.join('\n'));
  return join(dir, 'keys.pem');
};

const NOW_US = Date.parse('2026-06-01T00:00:00Z') * 1000;

const openLab = async (trusts = true) => {
  const clock = new ManualClock(NOW_US);
  const licensePublicKey = keyFile(pem(stranger.publicKey), pem(signer.publicKey));
  const lab = new ServerLab(trusts ? { licensePublicKey } : {}, clock);
  cleanups.push(() => lab.dispose());
  await lab.start();
  const session = await lab.connectLocal();
  await session.call('superuser');
  const licence = async () => (await session.call('getServerInfo')).license;
  return { lab, session, licence, clock };
};

const NOTHING = { licenseId: null, licensee: null, validFrom: null, validUntil: null };

describe('setLicenseKeyAsync', () => {
  test('a valid key is shown, to strangers without names, and kept', async () => {
    const { lab, session, licence, clock } = await openLab();
    expect(await licence()).toEqual({ status: 'none', ...NOTHING });
    const key = keyOf({ validUntil: '2026-06-01T02:00:10+02:00' });
    expect(await session.call('setLicenseKeyAsync', { key: ` ${key}\n`, validate: true })).toBe(
      null,
    );
    const shown = {
      status: 'valid',
      licenseId: 'L-1',
      licensee: 'Ann & Co.',
      validFrom: '2026-01-01T00:00:00Z',
      validUntil: '2026-06-01T02:00:10+02:00',
    };
    expect(await licence()).toEqual(shown);
    const { license } = await lab.api('getServerInfo');
    expect(license).toEqual({ status: 'valid', ...NOTHING });
    await lab.stop();
    await lab.start();
    const after = await lab.connectLocal();
    expect((await after.call('getServerInfo')).license).toEqual(shown);
    clock.advance(11_000);
    expect((await lab.api('getServerInfo')).license.status).toBe('expired');
  });

  test('without validation a key is stored as it is, unverified', async () => {
    const { session, licence } = await openLab();
    for (const key of ['anything at all', keyOf()]) {
      await session.call('setLicenseKeyAsync', { key });
      expect(await licence()).toEqual({ status: 'unverified', ...NOTHING });
    }
  });

  test.each([
    ['no key', 'something', 'invalid_params', 'is no licence key'],
    ['a cut signature', keyOf().slice(0, -1), 'invalid_params', 'is no licence key'],
    ['another statement', `jsl1.${'e30'}.${keyOf().split('.')[2]}`, 'invalid_params', 'not signed'],
    [
      'a stranger',
      keyOf({}, generateKeyPairSync('ed25519')),
      'invalid_params',
      'is not signed by a key that this server trusts',
    ],
    [
      'an unknown field',
      keyOf({ seats: 5 } as Partial<LicenceStatement>),
      'invalid_params',
      'unknown or wrong fields',
    ],
    ['no date', keyOf({ issued: 'today' }), 'invalid_params', 'wrong fields'],
    ['the past', keyOf({ validUntil: '2026-05-31T00:00:00Z' }), 'conflict', 'was valid until'],
    ['the future', keyOf({ validFrom: '2026-06-02T00:00:00Z' }), 'conflict', 'is valid from'],
    ['another server', keyOf({ serverUid: 'other' }), 'conflict', 'is for the server "other"'],
  ])('%s: refused, and nothing changes', async (_name, key, code, words) => {
    const { session, licence } = await openLab();
    await session.call('setLicenseKeyAsync', { key: keyOf(), validate: true });
    const before = await licence();
    const error = await session.fail('setLicenseKeyAsync', { key, validate: true });
    expect(error.code).toBe(code);
    expect(error.message).toContain(words);
    expect(JSON.stringify(error)).not.toContain(key);
    expect(await licence()).toEqual(before);
  });

  test('a server that trusts nobody says how it would', async () => {
    const { session } = await openLab(false);
    const error = await session.fail('setLicenseKeyAsync', { key: keyOf(), validate: true });
    expect(error).toMatchObject({ code: 'conflict' });
    expect(error.message).toContain('--license-public-key');
  });

  test('is for superusers, and repeats no key in errors', async () => {
    const { lab, session } = await openLab();
    const user = await lab.connectLocal();
    expect((await user.fail('setLicenseKeyAsync', { key: 'x' })).code).toBe('permission_denied');
    for (const key of ['', 5, 'secret'.repeat(2000)]) {
      const error = await session.fail('setLicenseKeyAsync', { key });
      expect(error.code).toBe('invalid_params');
      expect(error.message).not.toContain('secret');
    }
  });
});

test('trustedLicenceKeys: the file must hold Ed25519 public keys', () => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  expect(trustedLicenceKeys(null)).toEqual([]);
  expect(trustedLicenceKeys(keyFile(pem(signer.publicKey)))).toHaveLength(1);
  expect(() => trustedLicenceKeys('/nowhere')).toThrow('ENOENT');
  expect(() => trustedLicenceKeys(keyFile('nothing'))).toThrow('no public key');
  expect(() => trustedLicenceKeys(keyFile(pem(rsa.publicKey)))).toThrow('rsa');
});

test('docs/LICENCE-KEYS.md: its program makes a good key', () => {
  const page = readFileSync(new URL('../../../../docs/LICENCE-KEYS.md', import.meta.url), 'utf8');
  const program = /```js\n([\s\S]+?)```/.exec(page)?.[1] ?? '';
  const dir = mkdtempSync(join(tmpdir(), 'jetstream-licence-'));
  cleanups.push(() => rmSync(dir, { recursive: true }));
  writeFileSync(
    join(dir, 'signer.pem'),
    signer.privateKey.export({ type: 'pkcs8', format: 'pem' }),
  );
  const options = { cwd: dir, encoding: 'utf8' } as const;
  const key = execFileSync(process.execPath, ['--input-type=module', '-e', program], options);
  const check = { trustedKeys: [signer.publicKey], serverUid: 'any', nowUs: Date.now() * 1000 };
  expect(checkLicenceKey(key, check)).toMatchObject({
    kind: 'valid',
    statement: { licensee: 'Ann & Co.' },
  });
});
