import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { documentOf, html, PAGE_HEADERS } from './page-frame.js';
import { filesPage, passwordPage, unknownPage } from './page-texts.js';

/** Any UTF-16 text, lone surrogates included. */
const anyText = fc
  .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 12 })
  .map((codes) => String.fromCharCode(...codes));

const link = {
  id: 'i',
  secretHash: '',
  passwordHash: null,
  description: '',
  manifestId: 'm',
  creationTimeUs: 0,
  expiryTimeUs: null,
  downloadCount: 0,
  downloadLimit: null,
  owner: 'o',
  ownerToken: null,
  ownerTokenSession: null,
  userData: {},
};

it('property: names and descriptions are text, whatever they hold', () => {
  const text = fc.oneof(
    anyText,
    fc.constantFrom(
      '<script>x</script>',
      '"><img src=x onerror=y>',
      "' autofocus",
      '&lt;',
      '\u202e',
    ),
  );
  fc.assert(
    fc.property(text, text, (name, description) => {
      const entry = { index: 0, kind: 'file', destPath: `/${name}`, size: 1 } as const;
      const list = { entries: [entry, entry], totalEntries: 2, totalFiles: 2, totalBytes: 2 };
      const page = filesPage({ path: '/d/x', link: { ...link, description }, list, number: 1 });
      const tags = page.replace(/<style>.*<\/style>/s, '').match(/<[^>]*>/g) ?? [];
      const wanted =
        /^<(!doctype html|\/?(html|head|meta|title|body|main|div|footer|h1|p|ul|li|a|span|bdi)\b[^<>]*)>$/;
      expect(tags.filter((tag) => !wanted.test(tag))).toEqual([]);
      expect(page).not.toMatch(/<script|onerror=y>|\u202e/);
    }),
  );
});

it('the policy allows the one style of the page and nothing else', () => {
  const style = /<style>(.*?)<\/style>/s.exec(unknownPage())?.[1] ?? '';
  const hash = createHash('sha256').update(style).digest('base64');
  const policy = PAGE_HEADERS['content-security-policy'] ?? '';
  expect(policy).toContain(`style-src 'sha256-${hash}'`);
  expect(policy).toContain("default-src 'none'");
  expect(policy).not.toMatch(/unsafe|https?:|\*/);
});

it('needs no script and nothing from elsewhere', () => {
  for (const page of [unknownPage(), passwordPage('/d/x', true), documentOf('t', html``)]) {
    expect(page).not.toMatch(/<script|<link|<img|src=|@import|url\(/);
    expect(page).toMatch(/<html lang="en">/);
  }
  expect(passwordPage('/d/x', true)).toMatch(/<label for="password">/);
});
