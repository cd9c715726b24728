import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LINK_BYTES_MAX, linkFault } from './link-rules.js';

describe('linkFault', () => {
  it('lets through what stays inside', () => {
    for (const text of ['a', 'a/b', './a', '../a', '../../a', '..', 'a//b/', '...', '..a']) {
      expect(linkFault(text, 2), text).toBeNull();
    }
  });

  it('refuses what leads out, could lead out, or is no path', () => {
    for (const text of [
      '/',
      '/etc/passwd',
      '../../../a',
      './../.././..',
      'a/..',
      'a/../../../..',
    ]) {
      expect(linkFault(text, 2), text).not.toBeNull();
    }
    for (const text of ['', 'a\0b', 'x'.repeat(LINK_BYTES_MAX + 1)]) {
      expect(linkFault(text, 2)).not.toBeNull();
    }
  });

  it('property: what it lets through, resolved as text from any place so deep, stays inside', () => {
    const name = fc.constantFrom('..', '.', '', 'a', 'b', '...');
    fc.assert(
      fc.property(fc.array(name, { maxLength: 8 }), fc.nat(5), (names, depth) => {
        if (linkFault(names.join('/'), depth) !== null) return;
        let level = depth;
        for (const each of names) {
          if (each === '..') level -= 1;
          else if (each !== '.' && each !== '') level += 1;
          expect(level).toBeGreaterThanOrEqual(0);
        }
      }),
    );
  });
});
