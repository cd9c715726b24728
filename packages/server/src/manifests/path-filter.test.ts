import { CommandError } from '@jetstream/contract';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkPatterns, PATTERNS_MAX, pathFilter } from './path-filter.js';

const taken = (patterns: { include?: string[]; exclude?: string[] }, paths: string[]): string[] => {
  const filter = pathFilter({ include: [], exclude: [], ...patterns });
  return paths.filter((path) => filter.takes(path.split('/')));
};

const paths = ['a.mov', 'b.txt', '.hidden.mov', 'cut/a.mov', 'cut/deep/c.mov', 'cut/deep/x.txt'];

describe('pathFilter', () => {
  it('takes all without patterns; a pattern without a slash means the name at any depth', () => {
    expect(taken({}, paths)).toEqual(paths);
    expect(taken({ include: ['*.mov'] }, paths)).toEqual([
      'a.mov',
      '.hidden.mov',
      'cut/a.mov',
      'cut/deep/c.mov',
    ]);
    expect(taken({ exclude: ['*.mov'] }, paths)).toEqual(['b.txt', 'cut/deep/x.txt']);
  });

  it('a pattern with a slash means the path below the source; exclusion goes first', () => {
    expect(taken({ include: ['cut/*.mov'] }, paths)).toEqual(['cut/a.mov']);
    expect(taken({ include: ['/a.mov'] }, paths)).toEqual(['a.mov']);
    expect(taken({ include: ['cut/**'], exclude: ['**/deep/*.txt'] }, paths)).toEqual([
      'cut/a.mov',
      'cut/deep/c.mov',
    ]);
  });

  it('braces, sets and question marks; signs that other tools would act on are names', () => {
    expect(taken({ include: ['[ab].{mov,txt}'] }, paths)).toEqual(['a.mov', 'b.txt', 'cut/a.mov']);
    expect(taken({ include: ['?.mov'] }, paths)).toEqual(['a.mov', 'cut/a.mov', 'cut/deep/c.mov']);
    expect(taken({ include: ['!a.mov'] }, ['!a.mov', 'a.mov', 'b'])).toEqual(['!a.mov']);
  });

  it('does not enter an excluded directory, and always the source itself', () => {
    const filter = pathFilter({ include: ['*.mov'], exclude: ['cut/', 'tmp*'] });
    expect([[], ['cut'], ['a', 'tmp1'], ['keep']].map((names) => filter.enters(names))).toEqual([
      true,
      false,
      false,
      true,
    ]);
  });

  it('property: a name is taken by itself as a pattern, whatever its letters', () => {
    const name = fc.stringMatching(/^[a-zA-Z0-9 ._-]{1,30}$/).filter((text) => !/^\.+$/.test(text));
    fc.assert(fc.property(name, (each) => taken({ include: [each] }, [each]).length === 1));
  });
});

describe('checkPatterns', () => {
  const code = (include: string[]): string => {
    try {
      checkPatterns({ include, exclude: [] });
    } catch (error) {
      if (error instanceof CommandError) return error.code;
      throw error;
    }
    return 'fine';
  };

  it('refuses what could take for ever, or never match', () => {
    expect(code(['a*b*c*d', '**/x/**'])).toBe('fine');
    expect(code(['a*b*c*d*'])).toBe('invalid_params');
    expect(code(['**/a/**/b/**'])).toBe('invalid_params');
    expect(code(['../x'])).toBe('invalid_params');
    expect(code(Array<string>(PATTERNS_MAX + 1).fill('a'))).toBe('invalid_params');
  });

  it('the slowest allowed pattern on the longest name takes no second', () => {
    const filter = pathFilter({ include: ['*a*a*b'], exclude: [] });
    const start = process.cpuUsage();
    expect(filter.takes(['a'.repeat(255)])).toBe(false);
    expect(process.cpuUsage(start).user / 1000).toBeLessThan(1000);
  });
});
