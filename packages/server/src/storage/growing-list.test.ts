import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { CommandError } from '@jetstream/contract';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { GrowingList } from './growing-list.js';
import { LIST_LINE_BYTES_MAX } from './limits.js';
import { GROUP_ENTRIES, groupsPath, growingPath, type ManifestEntry } from './list-format.js';
import { ManifestListWriter } from './manifest-list.js';
import { ManifestList } from './manifest-list-reader.js';
import { SourceList } from './source-list.js';

const ROOTS = ['/srv/in'];
let directory = '';
let listPath = '';

beforeEach(() => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'growing-list-'));
  listPath = path.join(directory, 'm.list');
});
afterEach(() => {
  vi.restoreAllMocks();
  fs.rmSync(directory, { recursive: true });
});

const numbered = (index: number): ManifestEntry => ({
  kind: index % 7 === 6 ? 'directory' : 'file',
  root: 0,
  source: `in/${index}`,
  destPath: `/out/${index}`,
  size: index % 7 === 6 ? 0 : 10 + index,
  mtimeus: 1_700_000_000_000_000 + index,
  mode: 0o644,
});

const append = (writer: ManifestListWriter, first: number, end: number): void => {
  for (let index = first; index < end; index += 1) writer.append(numbered(index));
};

const entriesOf = (list: { groups: number; group(group: number): ManifestEntry[] }) =>
  [...Array(list.groups).keys()].flatMap((group) => list.group(group));

const numbers = (count: number): ManifestEntry[] => [...Array(count).keys()].map(numbered);

const finishedEntries = (): ManifestEntry[] => {
  const list = ManifestList.open(listPath);
  const entries = [...list];
  list.close();
  return entries;
};

describe('GrowingList', () => {
  test('is empty before anything was announced, also without any file', () => {
    const list = new GrowingList(listPath);
    expect(list.totals).toEqual({ entries: 0, bytes: 0 });
    const writer = ManifestListWriter.create(listPath, ROOTS);
    append(writer, 0, GROUP_ENTRIES * 3);
    expect(list.refresh()).toBe(false);
    writer.announce();
    expect(list.refresh()).toBe(true);
    expect(list.roots).toEqual(ROOTS);
    writer.abort();
    list.close();
    expect(fs.readdirSync(directory)).toEqual([]);
  });

  test('property: shows the whole groups that were announced, as they are', () => {
    const steps = fc.array(fc.integer({ min: 0, max: 700 }), { minLength: 1, maxLength: 6 });
    const run = (sizes: readonly number[]): void => {
      const writer = ManifestListWriter.create(listPath, ROOTS);
      const list = new GrowingList(listPath);
      let count = 0;
      for (const size of sizes) {
        append(writer, count, count + size);
        count += size;
        writer.announce();
        list.refresh();
        const whole = Math.max(0, Math.ceil(count / GROUP_ENTRIES) - 1) * GROUP_ENTRIES;
        expect(list.totals.entries).toBe(whole);
        expect(entriesOf(list)).toEqual(numbers(whole));
        const bytes = numbers(whole).reduce((sum, entry) => sum + entry.size, 0);
        expect(list.totals.bytes).toBe(bytes);
      }
      writer.finish();
      list.close();
      expect(fs.existsSync(groupsPath(listPath))).toBe(false);
      fs.rmSync(listPath);
    };
    fc.assert(fc.property(steps, run), { numRuns: 10 });
  });

  test('a source list becomes the finished one, and knows its end only then', () => {
    const writer = ManifestListWriter.create(listPath, ROOTS);
    append(writer, 0, GROUP_ENTRIES + 5);
    writer.announce();
    const list = new SourceList(listPath, true);
    list.refresh();
    expect([list.isOpen, list.length]).toEqual([true, GROUP_ENTRIES]);
    expect(list.at(3)).toMatchObject({ ...numbered(3), index: 3 });
    append(writer, GROUP_ENTRIES + 5, GROUP_ENTRIES + 9);
    writer.finish();
    list.refresh();
    expect([list.isOpen, list.length]).toEqual([false, GROUP_ENTRIES + 9]);
    expect(list.at(GROUP_ENTRIES + 8).destPath).toBe(`/out/${GROUP_ENTRIES + 8}`);
    list.close();
  });
});

describe('a list that was left unfinished', () => {
  /** Writes so many entries, announces, writes more, and leaves it as a kill would. */
  const leave = (announced: number, more: number): { durable: number } => {
    const writer = ManifestListWriter.create(listPath, ROOTS);
    append(writer, 0, announced);
    writer.announce();
    const durable = fs.existsSync(groupsPath(listPath))
      ? fs.statSync(growingPath(listPath)).size
      : 0;
    append(writer, announced, announced + more);
    return { durable };
  };

  const goOn = (total: number): number => {
    const known: ManifestEntry[] = [];
    const writer = ManifestListWriter.resume(listPath, ROOTS, (entry) => known.push(entry));
    expect(known).toEqual(numbers(known.length));
    append(writer, known.length, total);
    expect(writer.finish().entries).toBe(total);
    expect(finishedEntries()).toEqual(numbers(total));
    return known.length;
  };

  test('property: whatever a power cut makes of the rest, what was announced stays', () => {
    const plan = fc.record({
      announced: fc.integer({ min: 0, max: 900 }),
      more: fc.integer({ min: 0, max: 600 }),
      cut: fc.double({ min: 0, max: 1, noNaN: true }),
      zeros: fc.integer({ min: 0, max: 3000 }),
    });
    const run = ({
      announced,
      more,
      cut,
      zeros,
    }: typeof plan extends fc.Arbitrary<infer Value> ? Value : never): void => {
      const { durable } = leave(announced, more);
      const file = growingPath(listPath);
      const size = fs.statSync(file).size;
      const at = Math.floor(durable + (size - durable) * cut);
      fs.truncateSync(file, at);
      fs.truncateSync(file, at + zeros);
      const before = new GrowingList(listPath);
      const told = before.totals.entries;
      before.close();
      expect(goOn(1700)).toBeGreaterThanOrEqual(told);
      fs.rmSync(listPath);
    };
    fc.assert(fc.property(plan, run), { numRuns: 20 });
  });

  test('killed between its last line and its name: goes on before that line', () => {
    leave(600, 0);
    const index = '{"entries":600,"files":1,"bytes":1,"groups":[]}\n{"footer":            213}\n';
    fs.appendFileSync(growingPath(listPath), index);
    // What had not been flushed is lost.
    expect(goOn(700)).toBe(512);
  });

  test('a tail without line feeds ends it, however long it is, and is not read to its end', () => {
    const { durable } = leave(GROUP_ENTRIES * 2 + 1, 0);
    fs.truncateSync(growingPath(listPath), durable + 64 * LIST_LINE_BYTES_MAX);
    const reads = vi.spyOn(fs, 'readSync');
    expect(goOn(GROUP_ENTRIES * 3)).toBe(GROUP_ENTRIES * 2);
    const bytes = reads.mock.results.reduce((sum, { value }) => sum + Number(value), 0);
    expect(bytes).toBeLessThan(24 * LIST_LINE_BYTES_MAX);
  });

  test('whatever fails while it is read, nothing stays open', () => {
    const openFiles = (): number => fs.readdirSync('/proc/self/fd').length;
    const { durable } = leave(GROUP_ENTRIES * 2 + 1, 0);
    const before = openFiles();
    const resume = (known = (): void => {}) => ManifestListWriter.resume(listPath, ROOTS, known);
    expect(() =>
      resume(() => {
        throw new CommandError('conflict', 'known already');
      }),
    ).toThrow('known already');
    for (const call of ['readSync', 'ftruncateSync', 'fdatasyncSync'] as const) {
      vi.spyOn(fs, call).mockImplementationOnce(() => {
        throw Object.assign(new Error('EIO: i/o error'), { code: 'EIO' });
      });
      expect(resume).toThrow(expect.objectContaining({ code: 'io_error' }));
    }
    expect(openFiles()).toBe(before);
    expect(fs.statSync(growingPath(listPath)).size).toBe(durable);
  });

  test('with another head, or none, it begins again', () => {
    fs.writeFileSync(growingPath(listPath), '{"manifestList":1,"roots":["/other"]}\n{"k":"f"}\n');
    expect(goOn(10)).toBe(0);
    expect(goOn(10)).toBe(0);
  });
});
