import { pathTextFromBytes } from '@jetstream/contract';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { jsonText } from './json-text.js';
import { listingLines, modeText } from './listing-text.js';
import { nameBytes, visible } from './visible-text.js';

describe('visible', () => {
  it('escapes what a terminal would act upon, and bytes that are not UTF-8', () => {
    expect(visible('a\x1b[31mb\nc\u202ed\x9b')).toBe('a\\x1b[31mb\\nc\\u202ed\\x9b');
    expect(visible(pathTextFromBytes(Uint8Array.of(0x61, 0xff)))).toBe('a\\xff');
    expect(visible('Grüße 🚀 日本')).toBe('Grüße 🚀 日本');
  });

  it('leaves no control character in any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(visible(text)).not.toMatch(/[\p{Cc}\p{Cs}\u202a-\u202e]/u);
      }),
    );
  });
});

describe('nameBytes', () => {
  it('passes names on byte by byte in a pipe', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 50 }), (bytes) => {
        expect(new Uint8Array(nameBytes(pathTextFromBytes(bytes), { tty: false }))).toEqual(bytes);
      }),
    );
  });
});

describe('jsonText', () => {
  it('sorts keys at every depth and keeps nulls and the order of lists', () => {
    expect(jsonText({ b: null, a: [{ d: 1, c: 2 }, 1] })).toBe(
      '{\n  "a": [\n    {\n      "c": 2,\n      "d": 1\n    },\n    1\n  ],\n  "b": null\n}',
    );
  });

  it('is the same value, and safe to show', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const json = jsonText({ text });
        expect(JSON.parse(json)).toEqual({ text });
        expect(json).not.toMatch(/[\u007f-\u009f\u202a-\u202e]/);
      }),
    );
  });
});

describe('listingLines', () => {
  const entry = { mtimeus: 0, hash: '' };

  it('aligns columns', () => {
    const files = [
      { ...entry, name: 'sub', type: 2, size: 0, mtime: 0, access: 7 },
      { ...entry, name: 'a b', type: 4, size: 12345, mtime: 1_700_000_000, access: 4 },
    ];
    expect(Buffer.from(listingLines(files, { tty: true })).toString()).toBe(
      'drwx      0  1970-01-01 00:00:00  sub\n-r--  12345  2023-11-14 22:13:20  a b\n',
    );
  });

  it('shows hashes in a column when there are any', () => {
    const files = [
      { ...entry, name: 'x', type: 4, size: 1, mtime: 0, access: 6, hash: 'abcd' },
      { ...entry, name: 'y', type: 5, size: 0, mtime: 0, access: 6 },
    ];
    const text = Buffer.from(listingLines(files, { tty: true })).toString();
    expect(text).toContain('00:00:00  abcd  x\n');
    expect(text).toContain('00:00:00        y\n');
  });

  it('knows the types of entries', () => {
    expect([2, 4, 5, 10, 99].map((type) => modeText({ type, access: 0 }).charAt(0))).toEqual([
      'd',
      '-',
      'l',
      'D',
      '?',
    ]);
  });
});
