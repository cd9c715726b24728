/** Scans that others read while they run, and that go on after a restart. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GrowingList } from '../storage/growing-list.js';
import { GROUP_ENTRIES } from '../storage/list-format.js';
import { ManifestListWriter } from '../storage/manifest-list.js';
import { ManifestList } from '../storage/manifest-list-reader.js';
import { parseMappings } from './mappings.js';
import type { ScanTotals } from './scan.js';
import { diskScanPorts } from './scan-disk.js';
import { runScan, type ScanOrder } from './scan-runner.js';

const FILES = GROUP_ENTRIES * 2 + 10;
let base = '';
let listPath = '';

beforeEach(() => {
  base = fs.mkdtempSync(path.join(os.tmpdir(), 'scan-resume-'));
  listPath = path.join(base, 'm.list');
  fs.mkdirSync(path.join(base, 'in/sub'), { recursive: true });
  for (let index = 0; index < FILES; index += 1) file(`f${index}`);
});
afterEach(() => fs.rmSync(base, { recursive: true }));

const file = (name: string): void => fs.writeFileSync(path.join(base, 'in', name), name);

const orderOf = (
  resumes: boolean,
  mappings: Record<string, string> = { '/d': '/in' },
): ScanOrder => ({
  manifestId: 'm',
  listPath,
  request: { mappings: parseMappings({ mappings }, new Map([['', base]])), symlinks: 0 },
  resumes,
});

const never = new AbortController().signal;
const scan = (order: ScanOrder, ports = diskScanPorts()): Promise<ScanTotals> =>
  runScan(order, ports, never);

const listed = (): string[] => {
  const list = ManifestList.open(listPath);
  const paths = [...list].map(({ destPath }) => destPath);
  list.close();
  return paths;
};

/** Scans, and then takes the end of the list away, as a kill in the middle would have. */
const leaveHalf = async (): Promise<string[]> => {
  await scan(orderOf(false));
  const list = ManifestList.open(listPath);
  const kept = [...list].slice(0, GROUP_ENTRIES + 20);
  list.close();
  fs.rmSync(listPath);
  const writer = ManifestListWriter.create(listPath, [base]);
  for (const entry of kept) writer.append(entry);
  writer.announce();
  return kept.slice(0, GROUP_ENTRIES).map(({ destPath }) => destPath);
};

describe('a scan', () => {
  it('lets others read what it has found, before its end', async () => {
    const real = diskScanPorts();
    let turns = 0;
    const seen: number[] = [];
    const list = new GrowingList(listPath);
    await scan(orderOf(false), {
      ...real,
      // At each look so much later that every turn ends and every announcement is due, long syncs or not.
      now: () => {
        turns += 1;
        list.refresh();
        seen.push(list.totals.entries);
        return 20 ** turns;
      },
    });
    list.close();
    expect(Math.max(...seen)).toBe(GROUP_ENTRIES * 2);
    expect(fs.readdirSync(base).sort()).toEqual(['in', 'm.list']);
  });

  it('goes on after a restart: what was listed stays in its place, the rest comes once', async () => {
    const before = await leaveHalf();
    const gone = before[3]?.slice('/d/'.length) ?? '';
    fs.rmSync(path.join(base, 'in', gone));
    file('new');
    fs.writeFileSync(path.join(base, 'in/sub/inside'), '');
    const totals = await scan(orderOf(true));
    const after = listed();
    expect(after.slice(0, before.length)).toEqual(before);
    expect(new Set(after).size).toBe(after.length);
    const expected = [...Array(FILES).keys()].map((index) => `/d/f${index}`);
    expect(after.sort()).toEqual([...expected, '/d/new', '/d/sub/inside'].sort());
    expect(totals.totalFiles).toBe(after.length);
  });

  it('names two files that meet also when one of them was listed before', async () => {
    await leaveHalf();
    fs.mkdirSync(path.join(base, 'other'));
    for (const name of ['f0', 'f1']) fs.writeFileSync(path.join(base, 'other', name), '');
    const order = orderOf(true, { '/d': '/in', '/d/': '/other' });
    await expect(scan(order)).rejects.toMatchObject({ code: 'path_invalid' });
    expect(fs.existsSync(listPath)).toBe(false);
  });

  it('that had come to its end is not made again', async () => {
    const { totalFiles, totalBytes } = await scan(orderOf(false));
    file('later');
    expect(await scan(orderOf(true))).toMatchObject({ totalFiles, totalBytes });
    expect(listed()).toHaveLength(totalFiles);
  });
});
