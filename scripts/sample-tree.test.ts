import { mkdtempSync, rmSync } from 'node:fs';
import { appendFile, mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { differences, makeSampleTree, ODD_NAMES, readTree } from './sample-tree.js';

const OPTIONS = { bigFileBytes: 100_000, smallFileCount: 120 };

describe('sample tree', () => {
  let workspace = '';
  let left = '';
  let right = '';
  beforeEach(async () => {
    workspace = mkdtempSync(join(tmpdir(), 'sample-tree-'));
    left = join(workspace, 'left');
    right = join(workspace, 'right');
    await makeSampleTree(left, OPTIONS);
    await makeSampleTree(right, OPTIONS);
  });
  afterEach(() => rmSync(workspace, { recursive: true, force: true }));

  const compare = async (): Promise<string[]> =>
    differences(await readTree(left), await readTree(right));

  it('is the same each time it is made', async () => {
    expect(await compare()).toEqual([]);
  });

  it('holds the big, the small, the odd and the empty', async () => {
    const tree = await readTree(left);
    const files = [...tree.values()].filter(({ kind }) => kind === 'file');
    expect(tree.get('big.bin')?.bytes).toBe(OPTIONS.bigFileBytes);
    expect(files.length).toBe(1 + OPTIONS.smallFileCount + ODD_NAMES.length + 1 + 1 + 1 + 1);
    expect(tree.get('empty-file')).toMatchObject({ kind: 'file', bytes: 0 });
    expect(tree.get('empty-directory')).toMatchObject({ kind: 'directory' });
  });

  it('finds every kind of difference', async () => {
    await writeFile(join(right, 'small/d0/f1.txt'), 'file 2\n');
    await appendFile(join(right, 'big.bin'), 'x');
    await rm(join(right, 'empty-file'));
    await mkdir(join(right, 'empty-file'));
    await rm(join(right, 'odd names/line\nbreak.txt'));
    await writeFile(join(right, 'more'), '');
    const found = await compare();
    expect(found.length).toBe(5);
    for (const name of ['f1.txt', 'big.bin', 'empty-file', 'line\\nbreak.txt', 'more']) {
      expect(found.some((line) => line.includes(name))).toBe(true);
    }
  });

  it('finds a file of equal size with another content', async () => {
    await writeFile(join(left, 'twin'), 'aaaa');
    await writeFile(join(right, 'twin'), 'aaab');
    expect(await compare()).toEqual(['"twin" has another content']);
  });
});
