import fs from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { codeOf, FileLab } from './file-lab.conformance.js';
import type { MakeFileTask } from './file-task.js';

let lab: FileLab;
beforeEach(() => {
  lab = new FileLab();
});
afterEach(() => lab.dispose());

const taskOf = (components: string[], options: Partial<MakeFileTask>): MakeFileTask => ({
  kind: 'makeFile',
  place: lab.place(...components),
  size: 0,
  fillRandom: false,
  modifyExisting: false,
  ...options,
});
const make = (components: string[], options: Partial<MakeFileTask> = {}) =>
  lab.run(taskOf(components, options));

describe('without fillRandom', () => {
  test('makes zeros that take no room, however many', async () => {
    expect(await make(['file'], { size: 2 ** 40 })).toBeNull();
    const status = fs.statSync(lab.path('file'));
    expect(status.size).toBe(2 ** 40);
    expect(status.blocks).toBe(0);
    await make(['empty']);
    expect(fs.readFileSync(lab.path('empty'))).toHaveLength(0);
    await make(['few'], { size: 3 });
    expect(fs.readFileSync(lab.path('few'))).toEqual(Buffer.alloc(3));
  });
});

describe('with fillRandom', () => {
  test('fills the whole file with bytes that differ each time', async () => {
    const size = 2 * 1024 ** 2 + 7;
    await make(['a'], { size, fillRandom: true });
    await make(['b'], { size, fillRandom: true });
    const [a, b] = [fs.readFileSync(lab.path('a')), fs.readFileSync(lab.path('b'))];
    expect(a).toHaveLength(size);
    expect(a.equals(b)).toBe(false);
    // Each of 256 values in a share of about 1/256, at the beginning as at the end.
    for (const part of [a.subarray(0, 65_536), a.subarray(-65_536)]) {
      expect(new Set(part).size).toBe(256);
    }
  });

  test('tells how far it is', async () => {
    const told: number[] = [];
    const task = taskOf(['file'], { size: 64 * 1024 ** 2, fillRandom: true });
    await lab.run(task, { progress: ({ writtenBytes }) => told.push(writtenBytes ?? -1) });
    expect(told.length).toBeGreaterThan(0);
    expect([...told].sort((a, b) => a - b)).toEqual(told);
  });

  test('when cancelled, leaves nothing, and what was there before', async () => {
    fs.writeFileSync(lab.path('file'), 'before');
    const size = 2 ** 40;
    const task = taskOf(['file'], { size, fillRandom: true, modifyExisting: true });
    expect(await codeOf(lab.runAndCancel(task))).toBe('cancelled');
    expect(fs.readdirSync(lab.root)).toEqual(['file']);
    expect(fs.readFileSync(lab.path('file'), 'utf8')).toBe('before');
  });
});

describe('a file that exists', () => {
  test('stays without modifyExisting, and is replaced with it', async () => {
    fs.writeFileSync(lab.path('file'), 'before');
    expect(await make(['file'], { size: 3 })).toBeNull();
    expect(fs.readFileSync(lab.path('file'), 'utf8')).toBe('before');
    expect(await make(['file'], { size: 3, modifyExisting: true })).toBeNull();
    expect(fs.readFileSync(lab.path('file'))).toEqual(Buffer.alloc(3));
    expect(fs.readdirSync(lab.root)).toEqual(['file']);
  });

  test('is replaced as a whole: who reads the old one goes on reading it', async () => {
    fs.writeFileSync(lab.path('file'), 'before');
    const fd = fs.openSync(lab.path('file'), 'r');
    await make(['file'], { size: 3, modifyExisting: true });
    expect(fs.readFileSync(fd, 'utf8')).toBe('before');
    fs.closeSync(fd);
  });

  test('when it is a link, the link is what exists, never what it leads to', async () => {
    fs.writeFileSync(`${lab.base}/outside`, 'outside');
    fs.symlinkSync('../outside', lab.path('link'));
    expect(await make(['link'], { size: 3 })).toBeNull();
    expect(fs.lstatSync(lab.path('link')).isSymbolicLink()).toBe(true);
    await make(['link'], { size: 3, modifyExisting: true });
    expect(fs.lstatSync(lab.path('link')).isFile()).toBe(true);
    expect(fs.readFileSync(`${lab.base}/outside`, 'utf8')).toBe('outside');
  });

  test('when it is a directory, nothing is made', async () => {
    fs.mkdirSync(lab.path('dir'));
    for (const modifyExisting of [false, true]) {
      expect(await codeOf(make(['dir'], { modifyExisting }))).toBe('is_a_directory');
    }
    expect(await codeOf(make([]))).toBe('is_a_directory');
  });
});

test('where a file cannot be', async () => {
  expect(await codeOf(make(['none', 'file']))).toBe('path_not_found');
  fs.writeFileSync(lab.path('file'), '');
  expect(await codeOf(make(['file', 'x']))).toBe('not_a_directory');
  fs.symlinkSync('..', lab.path('out'));
  expect(await codeOf(make(['out', 'x']))).toBe('path_invalid');
  expect(fs.readdirSync(lab.base).sort()).toEqual(['results', 'root']);
});

test('a size that the file system does not take is an error, and leaves nothing', async () => {
  const size = 2 ** 53 - 1;
  const code = await codeOf(make(['file'], { size }));
  if (code === 'no error') expect(fs.statSync(lab.path('file')).size).toBe(size);
  // EFBIG: no other limit is reached first, whatever room the disk has.
  else expect([code, fs.readdirSync(lab.root)]).toEqual(['io_error', []]);
});

test('the longest name works', async () => {
  const name = 'n'.repeat(255);
  await make([name], { size: 1 });
  expect(fs.readdirSync(lab.root)).toEqual([name]);
});
