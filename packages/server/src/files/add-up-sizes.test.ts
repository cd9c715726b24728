import fs from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { codeOf, FileLab, MEMORY } from './file-lab.conformance.js';

let lab: FileLab;
beforeEach(() => {
  lab = new FileLab(MEMORY);
});
afterEach(() => lab.dispose());

const du = (...components: string[]) => lab.run({ kind: 'sizes', place: lab.place(...components) });
const write = (path: string, size: number): void =>
  fs.writeFileSync(lab.path(path), 'x'.repeat(size));

test('adds up all files below, whatever their depth', async () => {
  fs.mkdirSync(lab.path('tree/a/b'), { recursive: true });
  fs.mkdirSync(lab.path('tree/empty'));
  write('outside', 1000);
  write('tree/one', 1);
  write('tree/a/ten', 10);
  write('tree/a/b/hundred', 100);
  expect(await du('tree')).toEqual({ du: 111 });
  expect(await du('tree', 'a')).toEqual({ du: 110 });
  expect(await du('tree', 'empty')).toEqual({ du: 0 });
  expect(await du()).toEqual({ du: 1111 });
});

test('a file counts its size, not its room; each of its names counts', async () => {
  write('file', 5);
  fs.truncateSync(lab.path('file'), 2 ** 40);
  expect(await du('file')).toEqual({ du: 2 ** 40 });
  fs.linkSync(lab.path('file'), lab.path('second'));
  expect(await du()).toEqual({ du: 2 ** 41 });
});

test('links count nothing and are never followed', async () => {
  fs.mkdirSync(lab.path('tree'));
  write('big', 1000);
  fs.symlinkSync('../big', lab.path('tree', 'file-link'));
  fs.symlinkSync('..', lab.path('tree', 'loop'));
  fs.symlinkSync('/', lab.path('tree', 'out'));
  fs.symlinkSync('tree', lab.path('link'));
  expect(await du('tree')).toEqual({ du: 0 });
  expect(await du('link')).toEqual({ du: 0 });
  expect(await du('link', 'loop')).toEqual({ du: 0 });
});

test('a sum beyond what JSON can carry is an error, not a wrong number', async () => {
  // Unlike most others, a file system in memory takes such sizes.
  const root = fs.mkdtempSync(`${MEMORY}/jetstream-du-`);
  try {
    for (const name of ['a', 'b']) {
      fs.writeFileSync(`${root}/${name}`, '');
      fs.truncateSync(`${root}/${name}`, 2 ** 52 + 1);
    }
    const place = { root, rootName: '', components: [] };
    expect(await codeOf(lab.run({ kind: 'sizes', place }))).toBe('io_error');
  } finally {
    fs.rmSync(root, { recursive: true });
  }
});

test('tells how far it is, and stops when asked to', async () => {
  fs.mkdirSync(lab.path('tree'));
  for (let at = 0; at < 3000; at += 1) write(`tree/${at}`, 1);
  const told: Record<string, number>[] = [];
  await lab.run(
    { kind: 'sizes', place: lab.place('tree') },
    { progress: (counters) => told.push({ ...counters }) },
  );
  expect(told.length).toBeGreaterThan(0);
  expect(told[0]?.['bytes']).toBe(told[0]?.['files']);
  const before = fs.readdirSync('/proc/self/fd').length;
  const stopped = lab.runAndCancel({ kind: 'sizes', place: lab.place('tree') });
  expect(await codeOf(stopped)).toBe('cancelled');
  expect(fs.readdirSync('/proc/self/fd').length).toBe(before);
});

test('what is not there', async () => {
  expect(await codeOf(du('none'))).toBe('path_not_found');
  write('file', 1);
  expect(await codeOf(du('file', 'x'))).toBe('not_a_directory');
});
