import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  BLOCK_BYTES_MAX,
  decodeEntryBlock,
  decodeTrailerBlock,
  EntryBlockWriter,
  TrailerBlockWriter,
  type TrailerRecord,
  WIRE_PATH_BYTES_MAX,
  type WireEntry,
} from './entry-block.js';

const anyPath = fc.uint8Array({ minLength: 1, maxLength: 80 });
const anyMtime = fc.maxSafeInteger().map((value) => value + 0);
const anyEntry: fc.Arbitrary<WireEntry> = fc.oneof(
  fc.record({
    kind: fc.constant(0 as const),
    path: anyPath,
    size: fc.maxSafeNat(),
    mode: fc.nat(0o777),
    mtimeus: anyMtime,
  }),
  fc.record({
    kind: fc.constant(1 as const),
    path: anyPath,
    size: fc.constant(0),
    mode: fc.nat(0o777),
    mtimeus: anyMtime,
  }),
  fc.record({
    kind: fc.constant(2 as const),
    path: anyPath,
    size: fc.constant(0),
    mode: fc.nat(0o777),
    mtimeus: anyMtime,
    link: anyPath,
  }),
);
const anyRecord: fc.Arbitrary<TrailerRecord> = fc.oneof(
  fc.constant({ status: 'none' as const }),
  fc.record({
    status: fc.constant('good' as const),
    digest: fc.uint8Array({ minLength: 32, maxLength: 32 }),
  }),
  fc.record({
    status: fc.constant('bad' as const),
    code: fc.constantFrom('source_changed', 'io_error'),
  }),
);

const encodeEntries = (entries: readonly WireEntry[], firstIndex = 0): Uint8Array => {
  const writer = new EntryBlockWriter(firstIndex);
  for (const entry of entries) expect(writer.add(entry)).toBe(true);
  return writer.finish();
};
const encodeTrailers = (records: readonly TrailerRecord[], firstIndex = 0): Uint8Array => {
  const writer = new TrailerBlockWriter(firstIndex);
  for (const record of records) expect(writer.add(record)).toBe(true);
  return writer.finish();
};

const entry: WireEntry = { kind: 0, path: Uint8Array.of(97), size: 1, mode: 0o644, mtimeus: 5 };

describe('entry block', () => {
  test('round trip: every entry comes back', () => {
    fc.assert(
      fc.property(fc.array(anyEntry, { maxLength: 50 }), fc.nat(), (entries, first) => {
        expect(decodeEntryBlock(encodeEntries(entries, first))).toEqual({
          firstIndex: first,
          items: entries,
        });
      }),
    );
  });

  test('known bytes: the format does not drift', () => {
    expect([...encodeEntries([entry, { ...entry, mtimeus: -300, size: 128 }], 7)]).toEqual([
      1, 0, 2, 7, 0, 0xa4, 3, 1, 5, 1, 97, 4, 0xa4, 3, 0x80, 1, 0xac, 2, 1, 97,
    ]);
  });

  test('links: their text follows the path, and must be there', () => {
    const link = { ...entry, kind: 2 as const, size: 0, link: Uint8Array.of(98, 47, 99) };
    expect([...encodeEntries([link])]).toEqual([
      1, 0, 1, 0, 2, 0xa4, 3, 0, 5, 1, 97, 3, 98, 47, 99,
    ]);
    expect(() => encodeEntries([{ ...entry, kind: 2, size: 0 }])).toThrow(RangeError);
    expect(decodeEntryBlock(Uint8Array.of(1, 0, 1, 0, 2, 0xa4, 3, 0, 5, 1, 97, 0))).toEqual({
      fault: 'the length of a path is wrong',
    });
  });

  test('add: only permission bits travel (attack 10)', () => {
    const decoded = decodeEntryBlock(encodeEntries([{ ...entry, mode: 0o107_755 }]));
    expect(decoded).toMatchObject({ items: [{ mode: 0o755 }] });
    // 0o4755 as a varint where the mode is.
    expect(decodeEntryBlock(Uint8Array.of(1, 0, 1, 0, 0, 0xed, 0x13, 1, 5, 1, 97))).toEqual({
      fault: 'a mode holds more than permission bits',
    });
  });

  test('add: a full block says so and stays within its bytes', () => {
    const long = { ...entry, path: new Uint8Array(WIRE_PATH_BYTES_MAX).fill(97) };
    const writer = new EntryBlockWriter(0);
    while (writer.add(long));
    expect(writer.count).toBe(15);
    const bytes = writer.finish();
    expect(bytes.length).toBeLessThanOrEqual(BLOCK_BYTES_MAX);
    expect(decodeEntryBlock(bytes)).toMatchObject({ items: { length: 15 } });
  });

  test('add: what cannot travel is refused', () => {
    const writer = new EntryBlockWriter(0);
    const path = new Uint8Array(WIRE_PATH_BYTES_MAX + 1);
    for (const wrong of [{ size: -1 }, { size: 2 ** 53 }, { mtimeus: 0.5 }, { path }]) {
      expect(() => writer.add({ ...entry, ...wrong })).toThrow(RangeError);
    }
    expect(() => writer.add({ ...entry, path: new Uint8Array(0) })).toThrow(RangeError);
  });

  test('decode: a block that is cut off anywhere, or longer, has a fault', () => {
    const bytes = encodeEntries([entry, { ...entry, mtimeus: -1 }, { ...entry, kind: 1, size: 0 }]);
    for (let length = 0; length < bytes.length; length += 1) {
      expect(decodeEntryBlock(bytes.subarray(0, length))).toHaveProperty('fault');
    }
    expect(decodeEntryBlock(Uint8Array.of(...bytes, 0))).toHaveProperty('fault');
    expect(decodeEntryBlock(new Uint8Array(BLOCK_BYTES_MAX + 1))).toHaveProperty('fault');
  });

  test('decode: numbers have one form only', () => {
    expect(decodeEntryBlock(Uint8Array.of(1, 0, 0, 0x80, 0))).toHaveProperty('fault');
    const huge = [255, 255, 255, 255, 255, 255, 255, 255];
    expect(decodeEntryBlock(Uint8Array.of(1, 0, 0, ...huge, 1))).toHaveProperty('fault');
    expect(decodeEntryBlock(Uint8Array.of(1, 0, 0, ...huge.slice(1), 31))).toHaveProperty('fault');
  });

  test('decode: junk never throws, and what decodes encodes to the same bytes', () => {
    const junk = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.uint8Array({ maxLength: 60 }).map((tail) => Uint8Array.of(1, 0, 1, 0, 0, ...tail)),
      fc
        .tuple(fc.array(anyEntry, { maxLength: 4 }), fc.nat(), fc.nat(255))
        .map(([entries, at, byte]) => {
          const bytes = encodeEntries(entries);
          bytes[at % bytes.length] = byte;
          return bytes;
        }),
    );
    fc.assert(
      fc.property(junk, (bytes) => {
        const decoded = decodeEntryBlock(bytes);
        if ('fault' in decoded) return;
        expect(encodeEntries(decoded.items, decoded.firstIndex)).toEqual(bytes);
      }),
      { numRuns: 500 },
    );
  });
});

describe('trailer block', () => {
  test('round trip: every record comes back', () => {
    fc.assert(
      fc.property(fc.array(anyRecord, { maxLength: 50 }), fc.maxSafeNat(), (records, first) => {
        const firstIndex = Math.max(0, first - 100);
        expect(decodeTrailerBlock(encodeTrailers(records, firstIndex))).toEqual({
          firstIndex,
          items: records,
        });
      }),
    );
  });

  test('add: a full block says so; wrong digests and codes are refused', () => {
    const writer = new TrailerBlockWriter(0);
    while (writer.add({ status: 'good', digest: new Uint8Array(32) }));
    expect(writer.count).toBe(1985);
    expect(decodeTrailerBlock(writer.finish())).toMatchObject({ items: { length: 1985 } });
    const other = new TrailerBlockWriter(0);
    expect(() => other.add({ status: 'good', digest: new Uint8Array(31) })).toThrow(RangeError);
    expect(() => other.add({ status: 'bad', code: 'No Code' })).toThrow(RangeError);
  });

  test('decode: junk never throws, and what decodes encodes to the same bytes', () => {
    const junk = fc
      .tuple(fc.array(anyRecord, { maxLength: 4 }), fc.uint8Array({ maxLength: 40 }), fc.nat())
      .map(([records, tail, cut]) => {
        const bytes = encodeTrailers(records);
        return Uint8Array.of(...bytes.subarray(0, cut % (bytes.length + 1)), ...tail);
      });
    fc.assert(
      fc.property(junk, (bytes) => {
        const decoded = decodeTrailerBlock(bytes);
        if ('fault' in decoded) return;
        expect(encodeTrailers(decoded.items, decoded.firstIndex)).toEqual(bytes);
      }),
      { numRuns: 500 },
    );
  });
});
