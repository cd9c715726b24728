import fs from 'node:fs';
import { join } from 'node:path';
import { pathTextFromBytes } from '@jetstream/contract';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { codeOf, FileLab } from './file-lab.conformance.js';
import type { Place } from './file-task.js';

let lab: FileLab;
beforeEach(() => {
  lab = new FileLab();
});
afterEach(() => lab.dispose());

const movePlaces = (from: Place, to: Place) => lab.run({ kind: 'move', from, to });
const move = (from: string, to: string) => {
  const components = (path: string) => path.split('/').filter((name) => name !== '');
  return movePlaces(lab.place(...components(from)), lab.place(...components(to)));
};
const write = (path: string, content = path): void => fs.writeFileSync(lab.path(path), content);
const read = (path: string): string => fs.readFileSync(lab.path(path), 'utf8');

describe('a new path', () => {
  test('is the new name of a file, a directory or a link', async () => {
    write('file');
    fs.mkdirSync(lab.path('dir'));
    write('dir/inner');
    fs.symlinkSync('file', lab.path('link'));
    expect(await move('file', 'file2')).toBeNull();
    expect(await move('dir', 'dir2')).toBeNull();
    expect(await move('link', 'link2')).toBeNull();
    expect(fs.readdirSync(lab.root).sort()).toEqual(['dir2', 'file2', 'link2']);
    expect(read('file2')).toBe('file');
    expect(read('dir2/inner')).toBe('dir/inner');
    expect(fs.readlinkSync(lab.path('link2'))).toBe('file');
  });

  test('may lie elsewhere, and keeps the very same file', async () => {
    fs.mkdirSync(lab.path('a/b'), { recursive: true });
    write('file');
    const { ino } = fs.statSync(lab.path('file'));
    await move('file', 'a/b/other');
    expect(fs.statSync(lab.path('a/b/other')).ino).toBe(ino);
  });

  test('that is a directory takes the path under its own name', async () => {
    fs.mkdirSync(lab.path('dir'));
    fs.symlinkSync('dir', lab.path('link'));
    for (const name of ['x', 'y', 'z']) write(name);
    await move('x', 'dir');
    await move('y', 'link');
    expect(fs.readdirSync(lab.path('dir')).sort()).toEqual(['x', 'y']);
    await move('dir/x', '');
    expect(read('x')).toBe('x');
  });

  test('that is taken is never replaced', async () => {
    write('a');
    write('b');
    fs.mkdirSync(lab.path('dir/a'), { recursive: true });
    fs.mkdirSync(lab.path('dir2/dir'), { recursive: true });
    fs.symlinkSync('/nowhere', lab.path('dangling'));
    for (const to of ['b', 'a', 'dir', 'dangling']) {
      expect(await codeOf(move('a', to)), to).toBe('already_exists');
    }
    expect(await codeOf(move('dir', 'b'))).toBe('already_exists');
    expect(await codeOf(move('dir', 'dir2'))).toBe('already_exists');
    expect([read('a'), read('b')]).toEqual(['a', 'b']);
    expect(fs.readlinkSync(lab.path('dangling'))).toBe('/nowhere');
  });

  test('in the directory itself is refused', async () => {
    fs.mkdirSync(lab.path('dir/inner'), { recursive: true });
    fs.symlinkSync('dir/inner', lab.path('link'));
    for (const to of ['dir', 'dir/new', 'dir/inner', 'dir/inner/new', 'link', 'link/new']) {
      expect(await codeOf(move('dir', to)), to).toBe('path_invalid');
    }
    expect(fs.readdirSync(lab.path('dir'))).toEqual(['inner']);
  });

  test('must lie in a directory', async () => {
    write('file');
    write('other');
    expect(await codeOf(move('file', 'none/x'))).toBe('path_not_found');
    expect(await codeOf(move('file', 'other/x'))).toBe('not_a_directory');
    expect(read('file')).toBe('file');
  });
});

test('what is not there, and roots, cannot be moved', async () => {
  expect(await codeOf(move('none', 'x'))).toBe('path_not_found');
  expect(await codeOf(move('none/x', 'x'))).toBe('path_not_found');
  fs.mkdirSync(lab.path('dir'));
  expect(await codeOf(move('', 'dir'))).toBe('path_invalid');
});

test('neither end leaves its root', async () => {
  fs.mkdirSync(join(lab.base, 'outside'));
  fs.writeFileSync(join(lab.base, 'outside', 'secret'), '');
  fs.symlinkSync('../outside', lab.path('out'));
  write('file');
  expect(await codeOf(move('out/secret', 'mine'))).toBe('path_invalid');
  expect(await codeOf(move('file', 'out/file'))).toBe('path_invalid');
  // A link that leads out only occupies its name.
  expect(await codeOf(move('file', 'out'))).toBe('already_exists');
  expect(fs.readdirSync(join(lab.base, 'outside'))).toEqual(['secret']);
});

test('from one root to another', async () => {
  const other = { root: join(lab.base, 'other'), rootName: 'other', components: ['x'] };
  fs.mkdirSync(other.root);
  write('file');
  await movePlaces(lab.place('file'), other);
  expect(fs.readdirSync(other.root)).toEqual(['x']);
  await movePlaces(other, lab.place());
  expect(fs.readdirSync(lab.root)).toEqual(['x']);
});

test('property: any name survives listing, moving and removing', async () => {
  const name = fc
    .uint8Array({ minLength: 1, maxLength: 255 })
    .map((bytes) => bytes.map((byte) => (byte === 0 || byte === 0x2f ? 0xff : byte)))
    .filter((bytes) => !['.', '..'].includes(Buffer.from(bytes).toString('latin1')));
  const pair = fc.tuple(name, name).filter(([a, b]) => !Buffer.from(a).equals(Buffer.from(b)));
  await fc.assert(
    fc.asyncProperty(pair, async ([first, second]) => {
      fs.writeFileSync(Buffer.concat([Buffer.from(`${lab.root}/`), first]), 'content');
      const listed = (await lab.list([])).files[0]?.name ?? '';
      const wanted = pathTextFromBytes(second);
      await movePlaces(lab.place(listed), lab.place(wanted));
      expect((await lab.list([])).files.map((entry) => entry.name)).toEqual([wanted]);
      const raw = fs.readdirSync(lab.root, { encoding: 'buffer' });
      expect(raw).toEqual([Buffer.from(second)]);
      await lab.run({ kind: 'remove', place: lab.place(wanted) });
      expect(fs.readdirSync(lab.root)).toEqual([]);
    }),
    { numRuns: 40 },
  );
});

/** Two file systems, as far as this machine has them. */
const far = fs.mkdtempSync('/dev/shm/jetstream-move-');
const isFar = fs.statSync(far).dev !== fs.statSync('/tmp').dev;
describe.skipIf(!isFar)('to another file system', () => {
  beforeEach(() => fs.mkdirSync(far, { recursive: true }));
  afterEach(() => fs.rmSync(far, { recursive: true, force: true }));
  const there = (...components: string[]): Place => ({ root: far, rootName: 'far', components });

  test('a tree keeps content, modes, times, links and holes', async () => {
    fs.mkdirSync(lab.path('tree/empty'), { recursive: true });
    fs.mkdirSync(lab.path('tree/closed'));
    write('tree/file', 'content');
    fs.chmodSync(lab.path('tree/file'), 0o4751);
    fs.utimesSync(lab.path('tree/file'), 1_600_000_000, 1_600_000_000.123456);
    const { mtimeNs } = fs.statSync(lab.path('tree/file'), { bigint: true });
    write('tree/closed/inner');
    fs.chmodSync(lab.path('tree/closed'), 0o500);
    fs.symlinkSync('/nowhere', lab.path('tree/link'));
    const odd = Buffer.from([0x66, 0x0a, 0xff]);
    fs.writeFileSync(Buffer.concat([Buffer.from(`${lab.root}/tree/`), odd]), 'odd');
    write('tree/sparse', '');
    fs.truncateSync(lab.path('tree/sparse'), 64 * 1024 ** 2);
    fs.utimesSync(lab.path('tree'), 1_500_000_000, 1_500_000_000);
    await movePlaces(lab.place('tree'), there('moved'));
    expect(fs.readdirSync(lab.root)).toEqual([]);
    expect(fs.readdirSync(far)).toEqual(['moved']);
    const moved = (name: string): string => join(far, 'moved', name);
    expect(fs.readdirSync(join(far, 'moved'), { encoding: 'buffer' })).toContainEqual(odd);
    expect(fs.readFileSync(moved('file'), 'utf8')).toBe('content');
    const status = fs.statSync(moved('file'), { bigint: true });
    expect(Number(status.mode) & 0o7777).toBe(0o4751);
    expect(status.mtimeNs / 1000n).toBe(mtimeNs / 1000n);
    expect(fs.readFileSync(moved('closed/inner'), 'utf8')).toBe('tree/closed/inner');
    expect(fs.statSync(moved('closed')).mode & 0o7777).toBe(0o500);
    expect(fs.readlinkSync(moved('link'))).toBe('/nowhere');
    expect(fs.statSync(moved('sparse')).size).toBe(64 * 1024 ** 2);
    expect(fs.statSync(moved('sparse')).blocks).toBe(0);
    expect(fs.statSync(moved('')).mtimeMs).toBe(1_500_000_000_000);
  });

  test('nothing is replaced there either', async () => {
    write('file');
    fs.writeFileSync(join(far, 'file'), 'there');
    expect(await codeOf(movePlaces(lab.place('file'), there()))).toBe('already_exists');
    expect(fs.readFileSync(join(far, 'file'), 'utf8')).toBe('there');
    expect(read('file')).toBe('file');
  });

  test('when it fails or is cancelled, all stays as it was', async () => {
    fs.mkdirSync(lab.path('tree/a'), { recursive: true });
    write('tree/a/file');
    write('tree/slow', '');
    fs.truncateSync(lab.path('tree/slow'), 2 ** 40);
    const task = { kind: 'move', from: lab.place('tree'), to: there('moved') } as const;
    expect(await codeOf(lab.runAndCancel(task))).toBe('cancelled');
    expect(fs.readdirSync(far)).toEqual([]);
    expect(fs.readdirSync(lab.path('tree')).sort()).toEqual(['a', 'slow']);
    fs.rmSync(lab.path('tree/slow'));
    const socket = await import('node:net').then(({ createServer }) => createServer());
    await new Promise<void>((resolve) => socket.listen(lab.path('tree', 'zz-socket'), resolve));
    expect(await codeOf(movePlaces(lab.place('tree'), there('moved')))).toBe('io_error');
    socket.close();
    expect(fs.readdirSync(far)).toEqual([]);
    expect(read('tree/a/file')).toBe('tree/a/file');
  });

  test('leaves no descriptor open', async () => {
    const before = fs.readdirSync('/proc/self/fd').length;
    write('file');
    await movePlaces(lab.place('file'), there());
    await codeOf(movePlaces(lab.place('none'), there()));
    await movePlaces(there('file'), lab.place('back'));
    expect(read('back')).toBe('file');
    expect(fs.readdirSync('/proc/self/fd').length).toBe(before);
  });
});
