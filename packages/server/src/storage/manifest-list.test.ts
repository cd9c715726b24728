import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { CommandError, pathTextFromBytes } from '@jetstream/contract';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { LIST_LINE_BYTES_MAX } from './limits.js';
import { GROUP_ENTRIES, type ManifestEntry } from './list-format.js';
import { ManifestListWriter } from './manifest-list.js';
import { ManifestList } from './manifest-list-reader.js';

let directory = '';
let listPath = '';

beforeAll(() => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'manifest-list-'));
  listPath = path.join(directory, 'm.list');
});
afterAll(() => fs.rmSync(directory, { recursive: true }));

const write = (entries: Iterable<ManifestEntry>, roots = ['/a', '/b']): void => {
  const writer = ManifestListWriter.create(listPath, roots);
  for (const entry of entries) writer.append(entry);
  writer.finish();
};

const codeOf = (action: () => unknown): string => {
  try {
    action();
    return 'no error';
  } catch (error) {
    return error instanceof CommandError ? error.code : String(error);
  }
};

const numbered = (index: number): ManifestEntry => ({
  kind: 'file',
  root: 0,
  source: `in/${index}`,
  destPath: `/out/${index}`,
  size: 10,
  mtimeus: 1_700_000_000_000_000 + index,
  mode: 0o644,
});

function* count(entries: number): Generator<ManifestEntry> {
  for (let index = 0; index < entries; index += 1) yield numbered(index);
}

const anyText = fc.uint8Array({ minLength: 1, maxLength: 60 }).map(pathTextFromBytes);
const anyEntry: fc.Arbitrary<ManifestEntry> = fc
  .record({
    kind: fc.constantFrom('file', 'directory', 'link'),
    root: fc.integer({ min: 0, max: 1 }),
    source: anyText,
    destPath: anyText,
    size: fc.integer({ min: 0, max: 2 ** 40 }),
    mtimeus: fc.integer({ min: -(2 ** 50), max: 2 ** 52 }),
    mode: fc.integer({ min: 0, max: 0o777 }),
  })
  .map((entry) => ({ ...entry, size: entry.kind === 'file' ? entry.size : 0 }) as ManifestEntry);

describe('manifest list', () => {
  test('round trip: every entry comes back, whatever bytes its names hold', () => {
    fc.assert(
      fc.property(fc.array(anyEntry, { maxLength: 40 }), (entries) => {
        write(entries);
        const list = ManifestList.open(listPath);
        expect([...list]).toEqual(entries);
        expect(list.roots).toEqual(['/a', '/b']);
        expect(list.totals.bytes).toBe(entries.reduce((sum, entry) => sum + entry.size, 0));
        list.close();
      }),
      { numRuns: 50 },
    );
  });

  test('page, groupAt: any place is found through the index', () => {
    write(count(3 * GROUP_ENTRIES + 7));
    const list = ManifestList.open(listPath);
    for (const offset of [0, 1, 255, 256, 300, 511, 512, 774]) {
      const page = list.page(offset, 300);
      expect(page[0]).toEqual(numbered(offset));
      expect(page.length).toBe(Math.min(300, 3 * GROUP_ENTRIES + 7 - offset));
      expect(page.at(-1)).toEqual(numbered(offset + page.length - 1));
    }
    expect(list.page(775, 10)).toEqual([]);
    expect(list.groupAt(0)).toBe(0);
    expect(list.groupAt(2559)).toBe(0);
    expect(list.groupAt(2560)).toBe(1);
    expect(list.groupAt(7749)).toBe(3);
    list.close();
  });

  test('create: roots too long for one flush still start the list', () => {
    const roots = Array.from({ length: 100 }, () => `/${'x'.repeat(4000)}`);
    write(count(2), roots);
    const list = ManifestList.open(listPath);
    expect(list.roots).toEqual(roots);
    expect([...list].length).toBe(2);
    list.close();
  });

  test('open: a list that is cut off anywhere is refused', () => {
    write(count(20));
    const whole = fs.readFileSync(listPath);
    for (let length = 0; length < whole.length; length += 7) {
      fs.writeFileSync(listPath, whole.subarray(0, length));
      expect(codeOf(() => ManifestList.open(listPath))).toBe('manifest_not_ready');
    }
    fs.rmSync(listPath);
    expect(codeOf(() => ManifestList.open(listPath))).toBe('path_not_found');
  });

  test('abort, unfinished: no list of that name appears', () => {
    const writer = ManifestListWriter.create(listPath, ['/a']);
    writer.append(numbered(0));
    expect(fs.existsSync(listPath)).toBe(false);
    writer.abort();
    expect(fs.readdirSync(directory)).toEqual([]);
  });

  test('abort after a failed finish: closes nothing twice, which would close what others opened', () => {
    for (const call of ['renameSync', 'fsyncSync'] as const) {
      const writer = ManifestListWriter.create(listPath, ['/a']);
      writer.append(numbered(0));
      const closed: number[] = [];
      const close = fs.closeSync;
      vi.spyOn(fs, 'closeSync').mockImplementation((fd) => {
        closed.push(fd);
        close(fd);
      });
      vi.spyOn(fs, call).mockImplementationOnce(() => {
        throw Object.assign(new Error('ENOSPC: no space'), { code: 'ENOSPC' });
      });
      expect(codeOf(() => writer.finish())).toBe('disk_full');
      writer.abort();
      vi.restoreAllMocks();
      expect(closed).toHaveLength(1);
      expect(fs.readdirSync(directory)).toEqual([]);
    }
  });

  test('append: sizes and roots that make no sense are refused', () => {
    const writer = ManifestListWriter.create(listPath, ['/a']);
    for (const wrong of [{ size: -1 }, { size: 0.5 }, { mtimeus: Number.NaN }, { root: 1 }]) {
      expect(codeOf(() => writer.append({ ...numbered(0), ...wrong }))).toBe('internal');
    }
    const long = { ...numbered(0), source: '\u0001'.repeat(LIST_LINE_BYTES_MAX / 6) };
    expect(codeOf(() => writer.append(long))).toBe('name_too_long');
    expect(writer.totals.entries).toBe(0);
    writer.append({ ...numbered(0), size: Number.MAX_SAFE_INTEGER });
    expect(codeOf(() => writer.append(numbered(1)))).toBe('invalid_params');
    writer.abort();
  });

  test('100,000 entries: written and read with little memory', () => {
    const before = process.memoryUsage().heapUsed;
    write(count(100_000));
    const list = ManifestList.open(listPath);
    let seen = 0;
    for (const entry of list) seen += entry.size;
    expect(seen).toBe(1_000_000);
    expect(list.page(99_999, 5)).toEqual([numbered(99_999)]);
    list.close();
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(150 * 1024 * 1024);
  });
});
