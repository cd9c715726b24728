import { CommandError } from '@jetstream/contract';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseMappings, splitMappingText, targetsMayMeet } from './mappings.js';

const roots = new Map([['', '/srv']]);

const codeOf = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    if (error instanceof CommandError) return error.code;
    throw error;
  }
  return 'no error';
};

describe('splitMappingText', () => {
  it.each([
    [
      '/local/home/readme.txt:/data/docs/readme.txt',
      '/local/home/readme.txt',
      '/data/docs/readme.txt',
    ],
    ['C:/a::D:/b', 'C:/a', 'D:/b'],
    ['/a::/b', '/a', '/b'],
    ['media:/a::/b', 'media:/a', '/b'],
  ])('%s', (text, source, target) => {
    expect(splitMappingText(text)).toEqual({ source, target });
  });

  it.each(['/a', '/a:/b:/c', '/a:::/b', '/a::/b::/c', ':/b', '/a:', '::/b', 'abc'])(
    'refuses %s, because nobody can tell where to split',
    (text) => {
      expect(codeOf(() => splitMappingText(text))).toBe('path_invalid');
    },
  );

  it('property: any two sides without a double colon at their seam come back', () => {
    const side = fc.string({ minLength: 1 }).filter((text) => !/::|^:|:$/.test(text));
    fc.assert(
      fc.property(side, side, (source, target) => {
        expect(splitMappingText(`${source}::${target}`)).toEqual({ source, target });
      }),
    );
  });
});

describe('parseMappings', () => {
  it('takes destination to source, and source to destination, and objects', () => {
    const expected = {
      root: '/srv',
      source: ['home', 'a.txt'],
      sourceText: '/home/a.txt',
      target: ['docs', 'a.txt'],
    };
    expect(parseMappings({ mappings: { '/docs/a.txt': '/home/a.txt' } }, roots)).toEqual([
      expected,
    ]);
    expect(parseMappings({ fileMappings: '/home/a.txt:docs/a.txt/' }, roots)).toEqual([expected]);
    expect(
      parseMappings(
        { fileMappings: [{ srcPath: '/home//a.txt', destPath: '/docs/a.txt' }] },
        roots,
      ),
    ).toEqual([expected]);
  });

  it('finds the named root of the source, and only roots that the caller has', () => {
    const named = new Map([
      ['', '/srv'],
      ['media', '/mnt/media'],
    ]);
    const [first, second] = parseMappings(
      { fileMappings: ['media:/a::/x', 'other:/a::/y'] },
      named,
    );
    expect(first).toMatchObject({ root: '/mnt/media', source: ['a'], sourceText: 'media:/a' });
    expect(second).toMatchObject({ root: '/srv', source: ['other:', 'a'] });
    const withoutPlain = new Map([['media', '/mnt/media']]);
    expect(codeOf(() => parseMappings({ mappings: { '/x': '/a' } }, withoutPlain))).toBe(
      'path_invalid',
    );
  });

  it.each([
    ['..', { '/x': '/a/../b' }],
    ['.. in the target', { '/x/../y': '/a' }],
    ['NUL', { '/x': '/a\0b' }],
    ['a lone surrogate that names no byte', { '/x': '/\ud800' }],
    ['an empty source', { '/x': '' }],
  ])('refuses %s', (_name, mappings) => {
    expect(codeOf(() => parseMappings({ mappings }, roots))).toBe('path_invalid');
  });

  it('refuses nothing at all, and the same mapping twice', () => {
    expect(codeOf(() => parseMappings({}, roots))).toBe('invalid_params');
    expect(codeOf(() => parseMappings({ mappings: {}, fileMappings: [] }, roots))).toBe(
      'invalid_params',
    );
    expect(codeOf(() => parseMappings({ fileMappings: ['/a:/b', '/a/:/b/'] }, roots))).toBe(
      'path_invalid',
    );
  });
});

describe('targetsMayMeet', () => {
  const of = (...targets: string[]) =>
    parseMappings(
      {
        fileMappings: targets.map((target, index) => ({ srcPath: `/${index}`, destPath: target })),
      },
      roots,
    );

  it('sees equal targets and targets inside others, by components', () => {
    expect(targetsMayMeet(of('/a', '/b', '/ab'))).toBe(false);
    expect(targetsMayMeet(of('/a', '/a/b'))).toBe(true);
    expect(targetsMayMeet(of('/a', '/a'))).toBe(true);
    expect(targetsMayMeet(of('/', '/a'))).toBe(true);
    expect(targetsMayMeet(of('/a/b', '/a/c', '/a-b'))).toBe(false);
    expect(targetsMayMeet(of('/a-b', '/a/x/y', '/a', '/b'))).toBe(true);
  });

  it('property: agrees with a comparison of all pairs', () => {
    const path = fc
      .array(fc.constantFrom('a', 'b', 'a-', ' '), { maxLength: 3 })
      .map((names) => `/${names.join('/')}`);
    fc.assert(
      fc.property(fc.array(path, { minLength: 1, maxLength: 8 }), (targets) => {
        const inside = (a: string, b: string): boolean =>
          `${a}/`.replace('//', '/').startsWith(`${b}/`.replace('//', '/'));
        const expected = targets.some((a, i) => targets.some((b, j) => i !== j && inside(a, b)));
        expect(targetsMayMeet(of(...targets))).toBe(expected);
      }),
    );
  });
});
