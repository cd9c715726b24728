import { CommandError, type SandboxRootsInput } from '@jetstream/contract';
import { describe, expect, test } from 'vitest';
import { checkMappedUser, parseSandboxMapping, SANDBOX_ROOTS_MAX } from './sandbox-mapping.js';

const failure = (action: () => unknown): { code: string; message: string } => {
  try {
    action();
  } catch (error) {
    if (error instanceof CommandError) return { code: error.code, message: error.message };
  }
  throw new Error('expected a CommandError');
};

const parse = (input: SandboxRootsInput, isSystem = false) => {
  const mapping = parseSandboxMapping(input, isSystem);
  return mapping === false ? false : Object.fromEntries(mapping);
};

describe('parseSandboxMapping', () => {
  test('takes paths, File objects and false, in one form', () => {
    expect(parse(false)).toBe(false);
    expect(parse({ '': '/data' })).toEqual({ '': '/data' });
    expect(parse({ '': { type: 'File', path: '/data' } })).toEqual({ '': '/data' });
    expect(parse({ media: '//mnt/./media/', 'My docs_1.2': '/' })).toEqual({
      media: '/mnt/media',
      'My docs_1.2': '/',
    });
    expect(parse({ Bücher: '/b', 写真: '/p' })).toEqual({ Bücher: '/b', 写真: '/p' });
  });

  test.each([
    'a:b',
    ':',
    'a/b',
    '/',
    '.',
    '..',
    '.x',
    ' ',
    ' x',
    'x ',
    '-x',
    'a\0',
    'a\n',
    'a\u202e',
    'a\\b',
    'a*',
    'e\u0301',
    'x'.repeat(65),
  ])('the sandbox name %j is illegal', (name) => {
    const { code, message } = failure(() => parse({ [name]: '/data' }));
    expect(code).toBe('invalid_params');
    expect(message).toContain('sandbox name');
  });

  test.each<[SandboxRootsInput[string & keyof SandboxRootsInput] | unknown, string, string]>([
    ['', 'path_invalid', 'is empty'],
    [{ type: 'File' }, 'path_invalid', 'is empty'],
    [{ type: 'File', path: '' }, 'path_invalid', 'is empty'],
    [{ type: 'File', path: null }, 'path_invalid', 'is empty'],
    ['data', 'path_invalid', 'absolute'],
    ['../data', 'path_invalid', 'absolute'],
    ['/data/../etc', 'path_invalid', '..'],
    ['/da\0ta', 'path_invalid', 'NUL'],
    [`/${'n'.repeat(256)}`, 'name_too_long', 'bytes'],
    [{ type: 'S3', bucketName: 'b' }, 'invalid_params', 'not supported by this server'],
    [{ type: 'file', path: '/x' }, 'invalid_params', 'not supported by this server'],
    [{ type: 'File', path: '/x', shareName: 'y' }, 'invalid_params', 'shareName'],
  ])('the root %j is refused', (root, code, message) => {
    const actual = failure(() => parse({ a: root } as SandboxRootsInput));
    expect(actual.code).toBe(code);
    expect(actual.message).toContain(message);
  });

  test('no roots, or too many, are refused', () => {
    expect(failure(() => parse({})).code).toBe('invalid_params');
    const many = Array.from({ length: SANDBOX_ROOTS_MAX + 1 }, (_, at) => [`r${at}`, `/${at}`]);
    expect(failure(() => parse(Object.fromEntries(many) as SandboxRootsInput)).code).toBe(
      'invalid_params',
    );
  });

  test('placeholders mean something in the system sandbox only', () => {
    expect(parse({ '': '/home/%u' }, true)).toEqual({ '': '/home/%u' });
    expect(parse({ '': '/odd/%u/100%' })).toEqual({ '': '/odd/%u/100%' });
    expect(failure(() => parse({ '': '/home/%x' }, true)).message).toContain('%x');
    expect(failure(() => parse({ '': '/home/100%' }, true)).code).toBe('path_invalid');
    expect(failure(() => parse({ '': '/%d' }, true)).message).toContain('no domain');
  });

  test.each<[SandboxRootsInput, boolean]>([
    [{ a: '/data', b: '/data/' }, false],
    [{ '': '/', b: '//.' }, false],
    [{ a: '/home/%u', b: '/home/%f' }, true],
  ])('attack 6: %j, two names for one directory, are refused', (input, isSystem) => {
    expect(failure(() => parse(input, isSystem)).message).toContain('same root');
  });
});

test.each(['..', '../ann', 'a/b', 'ann\0', '%2e', '․․', ' ', 'ann ', 'a:b', 'x'.repeat(300)])(
  'attack 1: the user name %j gets no mapping',
  (userName) => {
    expect(failure(() => checkMappedUser(userName)).code).toBe('invalid_params');
  },
);
