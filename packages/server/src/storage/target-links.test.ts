import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { encodeEntries } from './hostile-entries.conformance.js';
import { transfer, World } from './storage-fixture.conformance.js';

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(() => world.close());

const link = (text: string, name: string): void => {
  const at = path.join(world.source, name);
  fs.mkdirSync(path.dirname(at), { recursive: true });
  fs.symlinkSync(text, at);
};

const read = (name: string): string => fs.readlinkSync(path.join(world.target, name));

const receive = async (links: Record<string, string>): Promise<Record<string, string>> => {
  const entries = Object.entries(links).map(([at, text]) => ({ path: at, kind: 2 as const, text }));
  const target = await world.openTarget({ totalFiles: entries.length, totalBytes: 0 });
  await target.addEntries(encodeEntries(entries));
  await target.addTrailers(encodeEntries.records(entries.length));
  const { fileErrors } = await target.finish();
  await target.suspend();
  return Object.fromEntries(fileErrors.map(({ destPath, code }) => [destPath, code]));
};

describe('links', () => {
  test('arrive as links, whether or not they lead somewhere', async () => {
    link('../x', 'a/up');
    link('nowhere', 'dangling');
    world.list(['a/up', 'dangling']);
    const { files, fileErrors } = await transfer(world);
    expect(fileErrors).toEqual([]);
    expect(files.map(({ kind, blake3 }) => [kind, blake3])).toEqual([
      ['link', undefined],
      ['link', undefined],
    ]);
    expect([read('a/up'), read('dangling')]).toEqual(['../x', 'nowhere']);
  });

  test.each([
    [0, 'already_exists'],
    [1, ''],
    [2, 'already_exists'],
    [3, 'already_exists'],
    [4, ''],
    [5, ''],
  ])('mode %i with another file in the way: %s', async (overwriteMode, code) => {
    link('new', 'x');
    world.list(['x']);
    fs.writeFileSync(path.join(world.target, 'x'), 'old');
    const { fileErrors } = await transfer(world, {}, { overwriteMode });
    expect(fileErrors[0]?.code ?? '').toBe(code);
    if (code === '') expect(read('x')).toBe('new');
    else expect(fs.readFileSync(path.join(world.target, 'x'), 'utf8')).toBe('old');
    expect(fs.existsSync(path.join(world.target, 'x.jetbak'))).toBe(overwriteMode === 5);
  });

  test('hostile: absolute, out of the root, and winding ones fail; nothing of them appears', async () => {
    const errors = await receive({
      '/absolute': '/etc/passwd',
      '/out': '../outside',
      '/d/e/out': '../../../outside',
      '/d/winding': 'x/../../../outside',
      '/fine': 'd/e/f',
      '/d/fine': '../fine',
    });
    expect(errors).toEqual({
      '/absolute': 'path_invalid',
      '/out': 'path_invalid',
      '/d/e/out': 'path_invalid',
      '/d/winding': 'path_invalid',
    });
    expect(fs.readdirSync(world.target, { recursive: true }).sort()).toEqual([
      'd',
      'd/fine',
      'fine',
    ]);
  });

  test('hostile: below a directory that is a link, the text would mean another place', async () => {
    fs.mkdirSync(path.join(world.target, 'real'));
    fs.mkdirSync(path.join(world.target, 'a/b'), { recursive: true });
    fs.symlinkSync('../../real', path.join(world.target, 'a/b/c'));
    expect(await receive({ '/a/b/c/L': '../../../x' })).toEqual({ '/a/b/c/L': 'path_invalid' });
    expect(fs.readdirSync(path.join(world.target, 'real'))).toEqual([]);
  });

  test('hostile: a file behind a link of the same transfer stays inside the root', async () => {
    const entries = [
      { path: '/d', kind: 2 as const, text: 'elsewhere' },
      { path: '/d/x', kind: 0 as const, text: '' },
    ];
    const target = await world.openTarget({ totalFiles: 2, totalBytes: 0 });
    await expect(target.addEntries(encodeEntries(entries))).rejects.toMatchObject({
      code: 'peer_refused',
    });
    await target.discard();
  });
});
