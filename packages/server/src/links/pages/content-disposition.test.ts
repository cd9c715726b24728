import fc from 'fast-check';
import { expect, it } from 'vitest';
import { attachment } from './content-disposition.js';

/** Any UTF-16 text, lone surrogates included. */
const anyText = fc
  .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 12 })
  .map((codes) => String.fromCharCode(...codes));

it('carries a name twice: for old clients in ASCII, for all others as it is', () => {
  expect(attachment('naïve "x".txt')).toBe(
    `attachment; filename="na_ve _x_.txt"; filename*=UTF-8''na%C3%AFve%20%22x%22.txt`,
  );
});

it('property: no name ends the header or adds to it', () => {
  const name = fc.oneof(
    anyText,
    fc.constantFrom('a\r\nSet-Cookie: x=1', 'a"; filename="b', "a'b", '%0d%0a', '..', '\udc80'),
  );
  fc.assert(
    fc.property(name, (text) => {
      const form =
        /^attachment; filename="[A-Za-z0-9 ._()+,=@~-]*"; filename\*=UTF-8''[A-Za-z0-9!#$&+.^_`|~%-]*$/;
      expect(attachment(text)).toMatch(form);
    }),
    { numRuns: 300 },
  );
});
