import fs from 'node:fs';
import { join } from 'node:path';
import { listing, pathTextFromBytes } from '@jetstream/contract';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { JsonFile } from '../requests/stored-json.js';
import { codeOf, FileLab, hashWith } from './file-lab.conformance.js';

let lab: FileLab;
let base = '';
let root = '';
let files: FileLab['files'];
beforeEach(() => {
  lab = new FileLab();
  ({ base, root, files } = lab);
});
afterEach(() => lab.dispose());

const { signal } = new AbortController();
const place = (...components: string[]) => lab.place(...components);
const run: FileLab['run'] = (task, work) => lab.run(task, work);
const list: FileLab['list'] = (components, options) => lab.list(components, options);
const remove = (...components: string[]) => run({ kind: 'remove', place: place(...components) });

/** Files whose names take more JSON than a result in memory may have, and not much else. */
const makeManyFiles = (): string[] => {
  const prefix = Buffer.alloc(240, 0xff);
  const names = Array.from({ length: 800 }, (_, at) =>
    Buffer.concat([prefix, Buffer.from(String(at))]),
  );
  for (const name of names) fs.writeFileSync(Buffer.concat([Buffer.from(`${root}/`), name]), '');
  return names.map((name) => pathTextFromBytes(name)).sort();
};

describe('list', () => {
  test('tells kind, size and exact time of each entry', async () => {
    fs.mkdirSync(join(root, 'dir'));
    fs.writeFileSync(join(root, 'file'), 'text');
    fs.chmodSync(join(root, 'file'), 0o640);
    fs.symlinkSync('file', join(root, 'link'));
    fs.symlinkSync('/nowhere', join(root, 'dangling'));
    fs.utimesSync(join(root, 'file'), 1_600_000_000, 1_600_000_000.123456);
    const { path, files: entries } = await list([]);
    expect(path).toBe('/');
    const byName = new Map(entries.map((entry) => [entry.name, entry]));
    const { mtimeNs } = fs.statSync(join(root, 'file'), { bigint: true });
    expect(byName.get('file')).toEqual({
      name: 'file',
      type: 4,
      size: 4,
      mtime: 1_600_000_000,
      mtimeus: Number(mtimeNs / 1000n),
      access: 6,
      hash: '',
    });
    expect(byName.get('dir')).toMatchObject({ type: 2, size: 0, access: 7 });
    expect(byName.get('link')).toMatchObject({ type: 5, size: 0 });
    expect(byName.get('dangling')).toMatchObject({ type: 5, size: 0 });
  });

  test('describes one path by its parent and name', async () => {
    fs.mkdirSync(join(root, 'dir'));
    fs.writeFileSync(join(root, 'dir', 'file'), 'text');
    expect(await list(['dir', 'file'])).toMatchObject({ path: '/dir', files: [{ name: 'file' }] });
    expect(await list(['dir'], { directory: true })).toMatchObject({
      path: '/',
      files: [{ name: 'dir', type: 2 }],
    });
    expect(await list([], { directory: true })).toMatchObject({
      path: '/',
      files: [{ name: '', type: 2 }],
    });
    expect(await codeOf(list(['none']))).toBe('path_not_found');
    expect(await codeOf(list(['dir', 'file', 'x']))).toBe('not_a_directory');
  });

  test('a link that leads out of the root is described, not followed', async () => {
    fs.mkdirSync(join(base, 'outside'));
    fs.writeFileSync(join(base, 'outside', 'secret'), '');
    fs.symlinkSync('../outside', join(root, 'out'));
    const { files: entries } = await list(['out']);
    expect(entries).toMatchObject([{ name: 'out', type: 5 }]);
    expect(await codeOf(list(['out', 'secret']))).toBe('path_invalid');
  });

  test('property: any name survives listing and removal', async () => {
    const name = fc
      .uint8Array({ minLength: 1, maxLength: 255 })
      .map((bytes) => bytes.map((byte) => (byte === 0 || byte === 0x2f ? 0xff : byte)))
      .filter((bytes) => !['.', '..'].includes(Buffer.from(bytes).toString('latin1')));
    await fc.assert(
      fc.asyncProperty(name, async (bytes) => {
        const raw = Buffer.concat([Buffer.from(`${root}/`), Buffer.from(bytes)]);
        fs.writeFileSync(raw, '');
        const { files: entries } = await list([]);
        expect(entries.map((entry) => entry.name)).toEqual([pathTextFromBytes(bytes)]);
        await remove(entries[0]?.name ?? '');
        expect(fs.readdirSync(root)).toEqual([]);
      }),
      { numRuns: 40 },
    );
  });

  test('a long listing goes to a file and is the same', async () => {
    const names = makeManyFiles();
    const draftPath = files.draftPath();
    const result = await files.run(
      { kind: 'list', place: place(), directory: false, hash: null, draftPath },
      { signal, progress: () => {} },
    );
    if (!(result instanceof JsonFile)) throw new Error('expected a file');
    expect(result.bytes).toBe(fs.statSync(result.path).size);
    const parsed = listing.parse(JSON.parse(fs.readFileSync(result.path, 'utf8')));
    expect(parsed.files.map(({ name }) => name).sort()).toEqual(names);
  });

  test('a cancelled listing leaves nothing behind', async () => {
    makeManyFiles();
    fs.writeFileSync(join(root, 'slow'), '');
    fs.truncateSync(join(root, 'slow'), 8 * 1024 ** 3);
    const cancelled = new AbortController();
    const listed = run(
      {
        kind: 'list',
        place: place(),
        directory: false,
        hash: hashWith('MD5'),
        draftPath: files.draftPath(),
      },
      { signal: cancelled.signal, progress: () => cancelled.abort() },
    );
    expect(await codeOf(listed)).toBe('cancelled');
    expect(fs.readdirSync(join(base, 'results'))).toEqual([]);
  });
});

describe('roots', () => {
  test('are listed with type 10; missing ones are left out', async () => {
    const roots = [
      ['', root],
      ['named', base],
      ['gone', join(base, 'gone')],
    ] as const;
    const result = listing.parse(await run({ kind: 'roots', roots }));
    expect(result.path).toBe('');
    expect(result.files.map(({ name, type, size }) => [name, type, size])).toEqual([
      ['/', 10, 0],
      ['named', 10, 0],
    ]);
  });
});

describe('mkdir and resolve', () => {
  const mkdir = (...components: string[]) => run({ kind: 'mkdir', place: place(...components) });

  test('makes parents, and does not mind what is there', async () => {
    expect(await mkdir('a', 'b', 'c')).toBeNull();
    expect(await mkdir('a', 'b', 'c')).toBeNull();
    expect(await mkdir()).toBeNull();
    expect(fs.statSync(join(root, 'a', 'b', 'c')).isDirectory()).toBe(true);
    fs.writeFileSync(join(root, 'file'), '');
    expect(await codeOf(mkdir('file', 'x'))).toBe('not_a_directory');
    expect(await codeOf(mkdir('file'))).toBe('not_a_directory');
  });

  test('resolves a directory to where it really is', async () => {
    await mkdir('a');
    expect(await files.resolveDirectory(root, ['a'])).toBe(fs.realpathSync(join(root, 'a')));
    expect(await codeOf(files.resolveDirectory(root, ['none']))).toBe('path_not_found');
  });
});

describe('remove', () => {
  test('removes a tree and follows no link', async () => {
    fs.mkdirSync(join(base, 'outside'));
    fs.writeFileSync(join(base, 'outside', 'kept'), '');
    fs.mkdirSync(join(root, 'tree', 'a', 'b'), { recursive: true });
    for (const name of ['x', 'a/y', 'a/b/z']) fs.writeFileSync(join(root, 'tree', name), '');
    fs.symlinkSync(join(base, 'outside'), join(root, 'tree', 'a', 'out'));
    fs.symlinkSync(join(base, 'outside'), join(root, 'link'));
    expect(await remove('tree')).toBeNull();
    expect(await remove('link')).toBeNull();
    expect(fs.readdirSync(root)).toEqual([]);
    expect(fs.readdirSync(join(base, 'outside'))).toEqual(['kept']);
  });

  test('refuses the root and what is not there', async () => {
    expect(await codeOf(remove())).toBe('path_invalid');
    expect(await codeOf(remove('none'))).toBe('path_not_found');
    expect(await codeOf(remove('none', 'x'))).toBe('path_not_found');
  });

  test('removes a tree that is deeper than a path can be long', async () => {
    const depth = 60;
    const cwd = process.cwd();
    const name = 'd'.repeat(200);
    let fd = fs.openSync(root, 'r');
    for (let level = 0; level < depth; level += 1) {
      fs.mkdirSync(`/proc/self/fd/${fd}/${name}`);
      const next = fs.openSync(`/proc/self/fd/${fd}/${name}`, 'r');
      fs.closeSync(fd);
      fd = next;
    }
    fs.closeSync(fd);
    expect(await remove(name)).toBeNull();
    expect(fs.readdirSync(root)).toEqual([]);
    expect(process.cwd()).toBe(cwd);
  });

  test('leaves no descriptor open, whatever happens', async () => {
    fs.mkdirSync(join(root, 'tree', 'a'), { recursive: true });
    for (let at = 0; at < 200; at += 1) fs.writeFileSync(join(root, 'tree', 'a', `${at}`), '');
    const before = fs.readdirSync('/proc/self/fd').length;
    const cancelled = new AbortController();
    const work = { signal: cancelled.signal, progress: () => cancelled.abort() };
    await codeOf(run({ kind: 'remove', place: place('tree') }, work));
    await codeOf(remove('none', 'x'));
    await codeOf(list(['none']));
    expect(fs.readdirSync('/proc/self/fd').length).toBe(before);
  });
});

test('a long task does not hold up a short one', async () => {
  fs.writeFileSync(join(root, 'slow'), '');
  fs.truncateSync(join(root, 'slow'), 256 * 1024 ** 2);
  const order: string[] = [];
  const long = list([], { hash: hashWith('MD5') }).then(() => order.push('long'));
  const short = run({ kind: 'mkdir', place: place('new') }).then(() => order.push('short'));
  await Promise.all([long, short]);
  expect(order).toEqual(['short', 'long']);
});
