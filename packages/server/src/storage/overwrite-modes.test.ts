/** What each overwrite mode does to what is at the target already. */
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  content,
  finalTree,
  readTree,
  summary,
  transfer,
  World,
} from './storage-fixture.conformance.js';

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(() => world.close());

describe('overwrite modes', () => {
  const tree = {
    same: content(100, 1),
    other: content(200, 2),
    empty: content(50, 3),
    fresh: content(9),
  };
  const old = {
    same: content(100, 11),
    other: content(300, 12),
    empty: Buffer.alloc(0),
    'not touched': content(1),
  };
  const begin = (): void => {
    world.make(tree);
    for (const [name, bytes] of Object.entries(old)) {
      fs.writeFileSync(path.join(world.target, name), bytes);
    }
  };
  const run = async (overwriteMode: number): Promise<Record<string, string>> => {
    begin();
    const { fileErrors } = await transfer(world, {}, { overwriteMode });
    return Object.fromEntries(fileErrors.map(({ destPath, code }) => [destPath, code]));
  };

  test('4 always: everything is replaced', async () => {
    expect(await run(4)).toEqual({});
    expect(readTree(world.target)).toEqual(summary({ ...old, ...tree }));
  });

  test('3 never: what is there is kept, and the part file stays beside it', async () => {
    expect(await run(3)).toEqual({
      '/same': 'already_exists',
      '/other': 'already_exists',
      '/empty': 'already_exists',
    });
    expect(finalTree(world.target)).toEqual(summary({ ...old, fresh: tree.fresh }));
    const parts = Object.values(readTree(world.target)).sort();
    const kept = Object.values(
      summary({ ...old, ...tree, x: old.same, y: old.other, z: old.empty }),
    );
    expect(parts).toEqual(kept.sort());
  });

  test('5 backup: what was there is kept under another name', async () => {
    fs.writeFileSync(path.join(world.target, 'same.jetbak'), 'older backup');
    expect(await run(5)).toEqual({});
    expect(readTree(world.target)).toEqual(
      summary({
        ...old,
        ...tree,
        'same.jetbak': old.same,
        'other.jetbak': old.other,
        'empty.jetbak': old.empty,
      }),
    );
  });

  test('0 in place, never', async () => {
    expect(await run(0)).toEqual({
      '/same': 'already_exists',
      '/other': 'already_exists',
      '/empty': 'already_exists',
    });
    expect(readTree(world.target)).toEqual(summary({ ...old, fresh: tree.fresh }));
  });

  test('1 in place, always: also when the old file is longer, and it stays the same file', async () => {
    begin();
    const inode = fs.statSync(path.join(world.target, 'other')).ino;
    expect(await run(1)).toEqual({});
    expect(readTree(world.target)).toEqual(summary({ ...old, ...tree }));
    expect(fs.statSync(path.join(world.target, 'other')).ino).toBe(inode);
  });

  test('2 in place, same size: or empty, nothing else', async () => {
    expect(await run(2)).toEqual({ '/other': 'already_exists' });
    expect(readTree(world.target)).toEqual(summary({ ...old, ...tree, other: old.other }));
  });
});
