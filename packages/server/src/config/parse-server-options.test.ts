import { describe, expect, test } from 'vitest';
import { ConfigError } from './config-error.js';
import { parseServerOptions, serverOptions } from './parse-server-options.js';
import type { ServerOptionsInput } from './server-options.js';

const failure = (input: object): ConfigError => {
  try {
    parseServerOptions(input as ServerOptionsInput);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error('it did not fail');
};

describe('parseServerOptions', () => {
  test('fills in defaults and freezes', () => {
    const config = parseServerOptions({});
    expect(config).toMatchObject({ apiPort: 8886, recvPort: 8886, superuser: [] });
    expect(Object.isFrozen(config)).toBe(true);
    expect(parseServerOptions({ apiPort: undefined }).apiPort).toBe(8886);
  });

  test('takes the texts of a command line', () => {
    const config = parseServerOptions({
      apiPort: '0',
      apiAllowRemoteControl: 'false',
      superuser: ['ann, bob', 'cid'],
      supergroup: 'wheel',
    });
    expect(config.apiPort).toBe(0);
    expect(config.apiAllowRemoteControl).toBe(false);
    expect(config.superuser).toEqual(['ann', 'bob', 'cid']);
    expect(config.supergroup).toEqual(['wheel']);
  });

  test('tells option, actual and wanted value', () => {
    expect(failure({ apiPort: 65_536 })).toMatchObject({ path: 'apiPort', actual: '65536' });
    expect(failure({ apiPort: '80 80' }).wanted).toContain('0 to 65535');
    expect(failure({ dataPath: 'fast' }).message).toContain('auto, native or dgram');
    expect(failure({ apiTlsCert: '/c' })).toMatchObject({ path: 'apiTlsKey', actual: 'absent' });
    expect(failure({ sandboxDir: 'relative' }).wanted).toBe('an absolute path');
  });

  test('refuses an unknown option and names the closest', () => {
    expect(failure({ apiPrt: 1 })).toMatchObject({ path: 'apiPrt', wanted: '"apiPort"' });
  });
});

test('serverOptions: every option has flag, kind and words', () => {
  const flags = serverOptions.map(({ flag }) => flag);
  expect(new Set(flags).size).toBe(flags.length);
  expect(flags).toContain('api-disable-api-tokens');
  for (const option of serverOptions) {
    expect(option.doc.endsWith('.') || option.doc.endsWith(')')).toBe(true);
    expect(option.range).not.toBe('');
  }
  expect(serverOptions.find(({ name }) => name === 'superuser')?.kind).toBe('list');
  expect(serverOptions.find(({ name }) => name === 'allowNoCipher')?.kind).toBe('boolean');
});
