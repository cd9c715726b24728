import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { c4IdOf } from './c4-id.js';

const idOf = (text: string): string => c4IdOf(createHash('sha512').update(text).digest('hex'));

test('c4IdOf: identifiers that are published', () => {
  expect(idOf('')).toBe(
    'c459dsjfscH38cYeXXYogktxf4Cd9ibshE3BHUo6a58hBXmRQdZrAkZzsWcbWtDg5oQstpDuni4Hirj75GEmTc1sFT',
  );
  expect(idOf('alfa')).toBe(
    'c43zYcLni5LF9rR4Lg4B8h3Jp8SBwjcnyyeh4bc6gTPHndKuKdjUWx1kJPYhZxYt3zV6tQXpDs2shPsPYjgG81wZM1',
  );
});

test('c4IdOf: of one length, small digests too', () => {
  expect(c4IdOf('00'.repeat(64))).toBe(`c4${'1'.repeat(88)}`);
  expect(c4IdOf('ff'.repeat(64))).toHaveLength(90);
});
