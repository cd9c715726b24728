import { expect, it } from 'vitest';
import { addressAsNamed } from './start-data-plane.js';

it.each([
  ['192.0.2.1', '192.0.2.1'],
  ['2001:DB8:0:0::2', '2001:db8::2'],
  ['::1', '::1'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['::FFFF:c000:0201', '192.0.2.1'],
  ['fe80::1%lo', 'fe80::1%lo'],
])('addressAsNamed: %s is what a socket calls %s', (text, named) => {
  expect(addressAsNamed(text)).toBe(named);
});
