import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { findLabSecrets, secretsOf } from './lab-secrets.js';

const directory = mkdtempSync(join(tmpdir(), 'lab-secrets-'));
const state = join(directory, 'state');
mkdirSync(state);
afterAll(() => rmSync(directory, { recursive: true }));

test('findLabSecrets: finds what is planted, where it must not be', () => {
  const key = `jsk.${'0'.repeat(64)}`;
  const token = `js1.${'a'.repeat(16)}.${'b'.repeat(27)}`;
  writeFileSync(join(state, 'local.key'), JSON.stringify({ key }));
  writeFileSync(join(directory, 'paris.log'), 'nothing\n');
  writeFileSync(join(state, 'control.db'), 'nothing');
  const given = secretsOf({ JETSTREAM_NEW_PASSWORD: 'open sesame', PATH: '/usr/bin' });
  expect(given).toEqual(['open sesame']);
  expect(findLabSecrets([directory], given)).toEqual([]);
  const { privateKey } = generateKeyPairSync('ed25519');
  const pem = String(privateKey.export({ type: 'pkcs8', format: 'pem' }));
  writeFileSync(join(state, 'identity.key'), pem);
  for (const secret of [key, token, 'open sesame', JSON.stringify(pem)]) {
    writeFileSync(join(directory, 'paris.log'), `{"msg":"${secret}"}\n`);
    expect(findLabSecrets([directory], given), secret).toHaveLength(1);
  }
  writeFileSync(join(directory, 'paris.log'), '');
  writeFileSync(join(state, 'control.db-wal'), `\0\0${key}\0`);
  expect(findLabSecrets([directory], given)).toHaveLength(1);
});
