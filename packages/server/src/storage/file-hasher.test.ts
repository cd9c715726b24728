import { loadNativeHash } from '@jetstream/udp';
import { blake3 } from '@napi-rs/blake-hash';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type FileHasher, newFileHasher, resumeFileHasher } from './file-hasher.js';
import { content } from './storage-fixture.conformance.js';

/** Hashes in pieces and goes on from a kept state before each of them. */
const hashWithBreaks = (bytes: Buffer, cuts: readonly number[]): Buffer => {
  let hasher: FileHasher = newFileHasher();
  let at = 0;
  for (const cut of [...cuts.map((each) => each % (bytes.length + 1)), bytes.length].sort(
    (a, b) => a - b,
  )) {
    hasher.update(bytes.subarray(at, cut));
    at = cut;
    const resumed = resumeFileHasher(hasher.state() ?? new Uint8Array(0));
    if (resumed === null) throw new Error('the state was not taken');
    hasher = resumed;
  }
  return hasher.digest();
};

describe.skipIf(loadNativeHash() === null)('FileHasher', () => {
  test('property: kept and resumed anywhere, the digest is that of the whole', () => {
    const sizes = fc.oneof(fc.nat(5000), fc.nat(600_000), fc.constantFrom(1024, 2048, 262_144));
    fc.assert(
      fc.property(sizes, fc.array(fc.nat(), { maxLength: 6 }), (size, cuts) => {
        const bytes = content(700_000, 5).subarray(0, size);
        expect(hashWithBreaks(bytes, cuts)).toEqual(blake3(bytes));
      }),
    );
  });

  test('digest: may be asked for at any time and changes nothing', () => {
    const hasher = newFileHasher();
    expect(hasher.digest()).toEqual(blake3(Buffer.alloc(0)));
    hasher.update(Buffer.from('ab'));
    expect(hasher.digest()).toEqual(blake3(Buffer.from('ab')));
    hasher.update(Buffer.from('c'));
    expect(hasher.digest()).toEqual(blake3(Buffer.from('abc')));
  });

  test('state: a copy, which what follows does not change', () => {
    const hasher = newFileHasher();
    hasher.update(Buffer.from('ab'));
    const state = hasher.state() ?? new Uint8Array(0);
    hasher.update(Buffer.from('xyz'));
    const resumed = resumeFileHasher(state);
    resumed?.update(Buffer.from('c'));
    expect(resumed?.digest()).toEqual(blake3(Buffer.from('abc')));
  });

  test('resumeFileHasher: bytes that cannot be a state are refused, and harm nothing', () => {
    const state = newFileHasher().state() ?? new Uint8Array(0);
    expect(resumeFileHasher(state.subarray(1))).toBeNull();
    expect(resumeFileHasher(state.map(() => 0xff))).toBeNull();
    fc.assert(
      fc.property(fc.nat(state.length - 1), fc.nat(255), (at, value) => {
        const changed = Uint8Array.from(state);
        changed[at] = value;
        const hasher = resumeFileHasher(changed);
        hasher?.update(content(300_000, 1));
        expect(hasher?.digest().length ?? 32).toBe(32);
      }),
    );
  });
});
