import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { closestName } from './closest-name.js';

const known = ['echo', 'sleep', 'getServerInfo', 'send.createManifest'];

describe('closestName', () => {
  test('finds what was meant', () => {
    expect(closestName('ehco', known)).toBe('echo');
    expect(closestName('GETSERVERINFO', known)).toBe('getServerInfo');
    expect(closestName('createManifest', known)).toBeNull();
    expect(closestName('send.createManifests', known)).toBe('send.createManifest');
    expect(closestName('xyzzy', known)).toBeNull();
    expect(closestName('e'.repeat(100_000), known)).toBeNull();
  });

  test('property: a name is closest to itself', () => {
    fc.assert(
      fc.property(fc.constantFrom(...known), (name) => {
        expect(closestName(name, known)).toBe(name);
      }),
    );
  });
});
