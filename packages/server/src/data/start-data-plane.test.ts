import { describe, expect, it } from 'vitest';
import { addressAsNamed, missingWay } from './start-data-plane.js';

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

describe('missingWay', () => {
  const plain = { path: 'dgram', pathReason: 'dgram: the native addon is not built' } as const;

  it('an addon that was asked for and is not there keeps a server from starting', () => {
    const error = missingWay('native', plain);
    expect(error?.path).toBe('dataPath');
    expect(error?.message).toContain('the native addon is not built');
    expect(error?.message).toContain('npm rebuild @jetstream/udp');
  });

  it('whatever works is right where nothing else was asked for', () => {
    expect(missingWay('auto', plain)).toBeNull();
    expect(missingWay('dgram', plain)).toBeNull();
    expect(missingWay('native', { path: 'native', pathReason: 'native: GSO' })).toBeNull();
  });
});
