import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { expandTemplate, isPathSafeUserName, isUsableTemplate } from './sandbox-template.js';

/** What has led out of home directories elsewhere, and its relatives. */
const NASTY = [
  '..',
  '.',
  '',
  '../ann',
  'a/../b',
  'a/b',
  '/etc',
  'ann\0',
  '%2e%2e',
  '%2e%2e%2fann',
  '..%2f',
  'ann%00',
  '%u',
  '․․',
  '‥',
  '．．',
  'a∕b',
  'a／b',
  'аnn',
  'ann\\..\\bob',
  '~root',
  ' ann',
  'ann\n',
  '.hidden',
  '-rf',
  'a..b',
];

describe('attack 1 (CVE-2026-30915): user names in paths', () => {
  test.each(NASTY)('the name %j never becomes part of a path', (name) => {
    expect(isPathSafeUserName(name)).toBe(false);
    for (const template of ['/home/%u', '/home/%f/x', '/home/a%u', '/%u%u']) {
      expect(() => expandTemplate(template, name)).toThrow('cannot be part of a path');
    }
    expect(expandTemplate('/data', name)).toBe('/data');
  });

  test('property: a user name never changes the shape of the path', () => {
    const names = fc.oneof(
      fc.string(),
      fc.string({ unit: 'grapheme' }),
      fc.constantFrom(...NASTY),
      fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.@-]{0,40}$/),
    );
    fc.assert(
      fc.property(names, (name) => {
        let path: string;
        try {
          path = expandTemplate('/home/%u/data', name);
        } catch {
          return;
        }
        expect(path.split('/')).toEqual(['', 'home', name, 'data']);
        expect(['', '.', '..']).not.toContain(name);
      }),
    );
  });
});

test('attack 6 (GHSA-7rc3-g7h6-22m7): two names never come to one directory', () => {
  const name = fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.@-]{0,20}$/).filter(isPathSafeUserName);
  const template = fc.constantFrom('/home/%u', '//home/./%u/', '/%d/%f', '/a%u%%b', '/%u.d/%u');
  fc.assert(
    fc.property(name, name, template, (one, other, where) => {
      const same = expandTemplate(where, one) === expandTemplate(where, other);
      expect(same).toBe(one === other);
    }),
  );
});

describe('placeholders', () => {
  test('stand for the user', () => {
    expect(expandTemplate('/home/%u/100%%/x', 'ann')).toBe('/home/ann/100%/x');
    expect(expandTemplate('/srv/%d/%f/', 'ann@example.com')).toBe('/srv/ann@example.com');
    expect(expandTemplate('/', 'ann')).toBe('/');
  });

  test.each(['/home/%x', '/home/%', '/home/%%%', '/a/../b', '/a\0', '/%d', '/%d/./%d'])(
    'the template %j is refused',
    (template) => {
      expect(isUsableTemplate(template)).toBe(false);
    },
  );

  test.each(['/', '/data', '/home/%u', '/100%%', '/%d/%u'])('the template %j is usable', (each) => {
    expect(isUsableTemplate(each)).toBe(true);
  });
});
