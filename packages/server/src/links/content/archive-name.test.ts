import fc from 'fast-check';
import { expect, it } from 'vitest';
import { archiveName, safeFileName } from './archive-name.js';

/** Any UTF-16 text, lone surrogates included. */
const anyText = fc
  .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 12 })
  .map((codes) => String.fromCharCode(...codes));

// rclone CVE-2026-71313, croc#593: names that escape when an archive is unpacked.
it('attack 9: property: no name leads out of the directory it is unpacked in', () => {
  const part = fc.oneof(
    fc.constantFrom('..', '.', '', 'C:', '\\', '..\\..', '\u202e', '\0', '\udc80', 'a'),
    anyText,
  );
  const path = fc.array(part, { maxLength: 8 }).map((parts) => parts.join('/'));
  fc.assert(
    fc.property(path, fc.nat(), (text, number) => {
      const name = archiveName(text, number);
      expect(name).not.toMatch(/^\/|\\|^[A-Za-z]:|\p{Cc}|\p{Surrogate}/u);
      const lost = name.split('/').some((component) => ['', '.', '..'].includes(component));
      expect(lost, name).toBe(false);
    }),
    { numRuns: 500 },
  );
});

it('keeps what is harmless, and tells changed names apart by their number', () => {
  expect(archiveName('/a/b c/naïve.txt', 3)).toBe('a/b c/naïve.txt');
  expect(archiveName('12:30.txt', 3)).toBe('12:30.txt');
  expect(archiveName('/a\\b.txt', 3)).toBe('a_b~3.txt');
  expect(archiveName('/a\tb.txt', 4)).toBe('a_b~4.txt');
  expect(archiveName('/../x', 5)).toBe('_/x~5');
  expect(archiveName('', 6)).toBe('_~6');
});

it('property: a single file name has no way in it', () => {
  fc.assert(
    fc.property(anyText, (text) => {
      expect(safeFileName(text)).not.toMatch(/[/\\]|^\.{0,2}$|\p{Cc}/u);
    }),
  );
});
