/** Disks that are full, over quota, read-only or closed to us: which error, and what is left. */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { CHUNK_BYTES } from './storage.js';
import {
  content,
  finalTree,
  sendChunks,
  sendEntries,
  sendTrailers,
  summary,
  transfer,
  World,
} from './storage-fixture.conformance.js';

const fault = vi.hoisted(() => ({ errno: '' }));

vi.mock('node:fs', async (original) => {
  const real = await original<{ default: typeof fs }>();
  const failOn = (fd: number): void => {
    if (
      fault.errno === '' ||
      !real.default.readlinkSync(`/proc/self/fd/${fd}`).includes('.jetpart-')
    )
      return;
    throw Object.assign(new Error(fault.errno), { code: fault.errno });
  };
  const writeSync = (fd: number, ...rest: [Uint8Array]): number => {
    failOn(fd);
    return real.default.writeSync(fd, ...rest);
  };
  const changed = { ...real.default, writeSync };
  return { ...changed, default: changed };
});

let world: World;
beforeEach(() => {
  world = new World();
  fault.errno = '';
});
afterEach(() => {
  fault.errno = '';
  world.close();
});

const tree = { a: content(CHUNK_BYTES + 10, 1), 'd/b': content(100, 2), c: content(50, 3) };

const failure = async (): Promise<{ code: string; message: string }> => {
  try {
    const { fileErrors } = await transfer(world);
    return fileErrors[0] ?? { code: '', message: '' };
  } catch (error) {
    const { code, message } = error as { code: string; message: string };
    return { code, message };
  }
};

describe('disk faults', () => {
  test.each([
    ['ENOSPC', 'no space left'],
    ['EDQUOT', 'quota'],
  ])(
    '%s: ends the attempt, names the file, and the next one completes it',
    async (errno, reason) => {
      world.make(tree);
      fault.errno = errno;
      const { code, message } = await failure();
      expect(code).toBe('disk_full');
      expect(message).toContain('"/a"');
      expect(message).toContain(reason);
      expect(finalTree(world.target)).toEqual({});
      fault.errno = '';
      world.crash();
      expect((await transfer(world)).fileErrors).toEqual([]);
      expect(finalTree(world.target)).toEqual(summary(tree));
    },
  );

  test.each([
    ['EROFS', 'read_only'],
    ['EACCES', 'permission_denied'],
    ['EFBIG', 'io_error'],
    ['EIO', 'io_error'],
  ])('%s: fails each file by name, and no part file is left', async (errno, code) => {
    world.make(tree);
    fault.errno = errno;
    const { fileErrors } = await transfer(world);
    expect(fileErrors.map((error) => [error.destPath, error.code])).toEqual([
      ['/a', code],
      ['/d/b', code],
      ['/c', code],
    ]);
    for (const { message, destPath } of fileErrors) expect(message).toContain(destPath);
    const left = fs.readdirSync(world.target, { recursive: true });
    expect(left.filter((name) => name !== 'd')).toEqual([]);
  });

  test('a directory that is closed to us fails its file only', async () => {
    world.make(tree);
    fs.writeFileSync(path.join(world.target, 'd'), 'a file in the way');
    const { fileErrors } = await transfer(world);
    expect(fileErrors.map((error) => [error.destPath, error.code])).toEqual([
      ['/d/b', 'not_a_directory'],
    ]);
    expect(finalTree(world.target)).toMatchObject(summary({ a: tree.a, c: tree.c }));
  });
});

const mounts = (): boolean => {
  if (process.geteuid?.() !== 0) return false;
  const place = fs.mkdtempSync('/tmp/mount-');
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', place], { stdio: 'ignore' });
    execFileSync('umount', [place]);
    return true;
  } catch {
    return false;
  } finally {
    fs.rmdirSync(place);
  }
};

describe.runIf(mounts())('a file system of one megabyte', () => {
  beforeEach(() => {
    const options = ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', world.target];
    execFileSync('mount', options);
  });
  afterEach(() => void execFileSync('umount', ['-l', world.target]));

  test('full: what is durable and published stays, the file is named, room makes it go on', async () => {
    const blocker = path.join(world.target, 'blocker');
    fs.writeFileSync(blocker, content(700_000, 9));
    const small = { first: content(1000, 1), big: content(2 * CHUNK_BYTES, 2) };
    world.make(small);
    const source = await world.openSource();
    const target = await world.openTarget();
    await sendEntries(source, target);
    await sendChunks(world, { source, target }, { order: [0] });
    await target.checkpoint();
    const rest = sendChunks(world, { source, target }, { order: [1, 2] });
    await expect(rest).rejects.toMatchObject({
      code: 'disk_full',
      message: expect.stringContaining('"/big"') as string,
    });
    await source.close();
    await target.suspend();
    expect(finalTree(world.target)).toEqual(summary({ blocker: content(700_000, 9) }));
    fs.rmSync(blocker);
    const again = await world.openSource();
    const resumed = await world.openTarget();
    expect(resumed.state.durable).toEqual([{ first: 0, end: 1 }]);
    await sendEntries(again, resumed);
    await sendChunks(world, { source: again, target: resumed });
    await sendTrailers(again, resumed);
    expect((await resumed.finish()).fileErrors).toEqual([]);
    await again.close();
    await resumed.suspend();
    expect(finalTree(world.target)).toEqual(summary(small));
  });
});
