import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { ConfigError } from '../config/config-error.js';
import { parseServerOptions } from '../config/parse-server-options.js';
import { ServerLab } from '../server-lab.conformance.js';
import { parseExternalAddress } from './external-address.js';
import { collectLicenses } from './third-party-licenses.js';

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

const openLab = async (options = {}) => {
  const lab = new ServerLab(options);
  cleanups.push(() => lab.dispose());
  await lab.start();
  return lab;
};
const addressOf = async (lab: ServerLab) => (await lab.api('getServerInfo')).serverExternalAddress;

type AddressRow = [text: string, expected: ReturnType<typeof parseExternalAddress>];

describe('parseExternalAddress', () => {
  test.each<AddressRow>([
    ['files.example', { host: 'files.example', port: null }],
    ['Files.Example:8886', { host: 'Files.Example', port: 8886 }],
    ['localhost', { host: 'localhost', port: null }],
    ['192.0.2.7:1', { host: '192.0.2.7', port: 1 }],
    ['2001:db8::1', { host: '2001:db8::1', port: null }],
    ['[2001:db8::1]:65535', { host: '2001:db8::1', port: 65_535 }],
    ['[::1]', { host: '::1', port: null }],
    ...[
      '',
      ' files.example',
      'files example',
      'files..example',
      '-files.example',
      'files.example:0',
      'files.example:65536',
      'files.example:port',
      'files.example:',
      'https://files.example',
      'files.example/path',
      'user@files.example',
      '300.1.2.3',
      '1.2.3',
      '[192.0.2.7]',
      '[2001:db8::1',
      '2001:db8::g',
      'fe80::1%eth0',
      '*',
      `${'a'.repeat(64)}.example`,
      `${'a.'.repeat(130)}example`,
      'files.example\n',
    ].map((text): AddressRow => [text, null]),
  ])('%j', (text, expected) => {
    expect(parseExternalAddress(text)).toEqual(expected);
  });
});

describe('setExternalAddress', () => {
  test('replaces the flag and is kept, until the flag changes', async () => {
    const lab = await openLab({ externalAddress: 'first.example:9000' });
    const superuser = async () => {
      const session = await lab.connectLocal();
      await session.call('superuser');
      return session;
    };
    expect(await addressOf(lab)).toBe('first.example:9000');
    await (await superuser()).call('setExternalAddress', { address: 'second.example' });
    expect(await addressOf(lab)).toBe('second.example');
    await lab.stop();
    await lab.start();
    expect(await addressOf(lab)).toBe('second.example');
    await lab.stop();
    await lab.start({ externalAddress: '192.0.2.7' });
    expect(await addressOf(lab)).toBe('192.0.2.7');
  });

  test('refuses what is no address, and who is no superuser', async () => {
    const lab = await openLab();
    const session = await lab.connectLocal();
    const denied = await session.fail('setExternalAddress', { address: 'files.example' });
    expect(denied.code).toBe('permission_denied');
    await session.call('superuser');
    for (const address of ['', 'a b', 'x:99999', 5, null]) {
      expect((await session.fail('setExternalAddress', { address })).code).toBe('invalid_params');
    }
    expect(await addressOf(lab)).toBeNull();
  });

  test('its name is one of the server, at once', async () => {
    const lab = await openLab();
    const page = { origin: 'https://Files.example', host: 'files.example', authorization: '' };
    const visit = async () => (await lab.http('/healthz', { method: 'GET', headers: page })).status;
    expect(await visit()).toBe(403);
    const session = await lab.connectLocal();
    await session.call('superuser');
    await session.call('setExternalAddress', { address: 'FILES.example:8886' });
    expect(await visit()).toBe(200);
  });

  test('a flag that is no address stops the start', () => {
    expect(() => parseServerOptions({ externalAddress: 'a b' })).toThrow(ConfigError);
  });
});

describe('getThirdPartyLicenses', () => {
  test('has a text for each production dependency, theirs included', async () => {
    const lab = await openLab();
    const session = await lab.connectLocal();
    const licenses = await session.call('getThirdPartyLicenses');
    const { dependencies } = createRequire(import.meta.url)('../../package.json') as {
      dependencies: Record<string, string>;
    };
    for (const name of Object.keys(dependencies)) {
      if (name.startsWith('@jetstream/')) expect(licenses).not.toHaveProperty([name]);
      else {
        // Where two versions are installed, each has its own entry.
        const key = Object.keys(licenses).find((known) => known.replace(/(.)@.*$/, '$1') === name);
        expect(licenses[key ?? ''], name).toContain(`Licence: `);
      }
    }
    // Of fastify and of ws, which nothing names directly.
    expect(Object.keys(licenses)).toEqual(expect.arrayContaining(['avvio', 'ws']));
    expect(licenses['zod']).toContain('Permission is hereby granted');
  });

  test('needs a login', async () => {
    const lab = await openLab();
    expect((await lab.apiError('getThirdPartyLicenses', {})).code).toBe('not_authenticated');
  });

  test('walks nested trees, tells versions apart, and says when there is no text', () => {
    const root = mkdtempSync(join(tmpdir(), 'jetstream-licences-'));
    cleanups.push(() => rmSync(root, { recursive: true }));
    const add = (path: string, json: object, licence?: string): void => {
      const dir = join(root, path);
      mkdirSync(dir, { recursive: true });
      writeFileSync(join(dir, 'package.json'), JSON.stringify({ version: '1.0.0', ...json }));
      if (licence !== undefined) writeFileSync(join(dir, 'LICENSE.md'), licence);
    };
    const optionalDependencies = { absent: '1' };
    add('.', { name: 'root', dependencies: { a: '1', b: '2' }, optionalDependencies });
    add('node_modules/a', { name: 'a', license: 'MIT', dependencies: { b: '1', a: '1' } }, 'words');
    add('node_modules/a/node_modules/b', { name: 'b', license: 'ISC', homepage: 'home.example' });
    add('node_modules/b', { name: 'b', version: '2.0.0' }, 'other words');
    expect(collectLicenses(root)).toEqual({
      a: 'a 1.0.0\nLicence: MIT\n\nwords',
      'b@1.0.0':
        'b 1.0.0\nLicence: ISC\n\nThe package holds no file with the text of its licence. Its home is home.example.',
      'b@2.0.0': 'b 2.0.0\nLicence: not declared\n\nother words',
    });
    add('.', { name: 'root', dependencies: { missing: '1' } });
    expect(() => collectLicenses(root)).toThrow('"missing"');
  });

  test('the build writes what is collected', () => {
    const written = new URL('../../dist/third-party-licenses.json', import.meta.url);
    // Only a build has it; a mere compilation does without.
    if (!existsSync(written)) return;
    const names = Object.keys(JSON.parse(readFileSync(written, 'utf8')) as object);
    expect(names).toEqual(Object.keys(collectLicenses()));
  });
});
