import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseLinkTarget } from './link-target.js';

const TOKEN = `js1.${'A'.repeat(16)}.${'B'.repeat(27)}`;

describe('parseLinkTarget', () => {
  it.each([
    [`/d/${TOKEN}`, { kind: 'page', token: TOKEN, number: 1 }],
    [`/d/${TOKEN}/?x=1`, { kind: 'page', token: TOKEN, number: 1 }],
    [`/d/${TOKEN}/page/3`, { kind: 'page', token: TOKEN, number: 3 }],
    [`/d/${TOKEN}/file/12`, { kind: 'file', token: TOKEN, index: 12 }],
    [`/d/${TOKEN}/archive`, { kind: 'archive', token: TOKEN }],
  ])('%s', (url, expected) => {
    expect(parseLinkTarget(url)).toEqual(expected);
  });

  // rclone CVE-2026-49980
  it('attack 11: property: what has no form here is nothing', () => {
    const part = fc.constantFrom(
      '',
      'file',
      'page',
      'archive',
      '1',
      '-1',
      '..',
      '%2e%2e',
      'FILE',
      'x',
    );
    const rest = fc.array(part, { maxLength: 4 }).map((parts) => `/${parts.join('/')}`);
    const known = /^\/?$|^\/(page|file)\/\d+$|^\/archive$/;
    fc.assert(
      fc.property(rest, (tail) => {
        const isKnown = known.test(tail);
        expect(parseLinkTarget(`/d/${TOKEN}${tail}`) !== null, tail).toBe(isKnown);
        expect(parseLinkTarget(`/d${tail}`)).toBeNull();
      }),
    );
  });
});
