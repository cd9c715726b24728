import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseEndpoint } from './endpoint.js';

const remote = (host: string, path: string, more = {}) => ({
  kind: 'remote',
  user: null,
  host,
  port: null,
  path,
  ...more,
});

describe('parseEndpoint', () => {
  it.each([
    ['host:/a/b', remote('host', '/a/b')],
    ['ann@host:/a', remote('host', '/a', { user: 'ann' })],
    ['host:9000:/a', remote('host', '/a', { port: 9000 })],
    ['ann@[::1]:9000:/a', remote('::1', '/a', { user: 'ann', port: 9000 })],
    ['[fe80::1]:/a', remote('fe80::1', '/a')],
    ['host:file.txt', remote('host', '/file.txt')],
    ['host:', remote('host', '/')],
    ['host:/a:b@c', remote('host', '/a:b@c')],
    ['host:media:/a', remote('host', 'media:/a')],
    ['host:/a\nb', remote('host', '/a\nb')],
  ])('takes %j as a path on a server', (text, expected) => {
    expect(parseEndpoint(text)).toEqual(expected);
  });

  it.each(['file', '/a:b', './host:x', '../x:y', 'dir/a:b', '@x', '.'])(
    'takes %j as a local path',
    (text) => {
      expect(parseEndpoint(text)).toEqual({ kind: 'local', path: text });
    },
  );

  it('refuses an empty path and an impossible port', () => {
    expect(() => parseEndpoint('')).toThrow('empty path');
    expect(() => parseEndpoint('host:99999:/a')).toThrow('expected 1 to 65535');
  });

  it('gives every remote path a root', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (path) => {
        const parsed = parseEndpoint(`host:${path}`);
        expect(parsed.kind === 'remote' && parsed.path).toMatch(/^([^/:]+:)?\//);
      }),
    );
  });
});
