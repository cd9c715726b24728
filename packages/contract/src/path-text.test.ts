import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pathBytesFromText, pathTextFromBytes } from './path-text.js';

describe('pathTextFromBytes', () => {
  it('is undone by pathBytesFromText for any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(pathBytesFromText(pathTextFromBytes(bytes))).toEqual(bytes);
      }),
    );
  });

  it('agrees with TextDecoder on valid UTF-8', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 100 }), (text) => {
        expect(pathTextFromBytes(new TextEncoder().encode(text))).toBe(text);
      }),
    );
  });

  it('escapes bytes that are not UTF-8, also inside JSON', () => {
    const text = pathTextFromBytes(Uint8Array.of(0x61, 0xff, 0x62, 0xc0, 0xaf));
    expect(text).toBe('a\udcffb\udcc0\udcaf');
    expect(JSON.parse(JSON.stringify(text))).toBe(text);
  });
});

describe('pathBytesFromText', () => {
  it('refuses a lone surrogate that stands for no byte', () => {
    expect(pathBytesFromText('a\ud800b')).toBeNull();
    expect(pathBytesFromText('a\udc7f')).toBeNull();
  });
});
