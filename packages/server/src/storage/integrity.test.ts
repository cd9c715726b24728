/** What changes a bit is found, whoever does it, and named by file. */
import fs from 'node:fs';
import path from 'node:path';
import { blake3 } from '@napi-rs/blake-hash';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { nativeFileSystem } from '../adapters/disk/native-file-system.js';
import { CHUNK_BYTES, type Target } from './storage.js';
import {
  content,
  finalTree,
  keepingTimes,
  receiptFiles,
  sendChunks,
  sendEntries,
  sendTrailers,
  summary,
  transfer,
  World,
} from './storage-fixture.conformance.js';

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(() => world.close());

/** Flips one bit of a file and leaves its size and times as they were, as a failing disk does. */
const flipBit = (file: string, position: number): void =>
  keepingTimes(file, () => {
    const fd = fs.openSync(file, 'r+');
    const byte = Buffer.alloc(1);
    fs.readSync(fd, byte, 0, 1, position);
    fs.writeSync(fd, Buffer.of((byte[0] ?? 0) ^ 1), 0, 1, position);
    fs.closeSync(fd);
  });

const arrive = async (target: Target): Promise<void> => {
  const source = await world.openSource();
  await sendEntries(source, target);
  await sendChunks(world, { source, target });
  await sendTrailers(source, target);
  await source.close(true);
};

describe('a flipped bit', () => {
  test('on the way: the chunk is refused before it is written, fetched again, and right', async () => {
    const tree = { a: content(3 * CHUNK_BYTES + 5), b: content(100, 2) };
    world.make(tree);
    const hit = new Set<number>();
    const onChunk = (chunk: number, bytes: Uint8Array): void => {
      if (hit.has(chunk)) return;
      hit.add(chunk);
      bytes[chunk * 3] = (bytes[chunk * 3] ?? 0) ^ 0x10;
    };
    const result = await transfer(world, { onChunk });
    expect(hit.size).toBe(4);
    expect(result.fileErrors).toEqual([]);
    expect(finalTree(world.target)).toEqual(summary(tree));
  });

  test('by a hostile sender, who makes the chunk fit: the file is named and not published', async () => {
    const tree = { a: content(2 * CHUNK_BYTES), b: content(CHUNK_BYTES, 2) };
    world.make(tree);
    const onChunk = (chunk: number, bytes: Uint8Array): void => {
      if (chunk !== 1) return;
      bytes[7] = (bytes[7] ?? 0) ^ 1;
      bytes.set(blake3(Buffer.from(bytes.subarray(0, CHUNK_BYTES))), CHUNK_BYTES);
    };
    const result = await transfer(world, { onChunk });
    expect(result.fileErrors).toMatchObject([{ destPath: '/a', code: 'integrity_failed' }]);
    expect(finalTree(world.target)).toEqual(summary({ b: tree.b }));
    expect(result.files).toMatchObject([
      { path: '/a', error: { code: 'integrity_failed' } },
      { path: '/b', blake3: blake3(tree.b).toString('hex') },
    ]);
  });

  test('on the source disk between hashing and sending: the file is named', async () => {
    const tree = { a: content(2 * CHUNK_BYTES + 9), b: content(10, 2) };
    world.make(tree);
    const source = await world.openSource();
    const target = await world.openTarget();
    await sendEntries(source, target);
    // All is read and hashed once, and then sent from what the disk says the second time.
    for (let chunk = 0; chunk < world.chunks; chunk += 1) await source.readChunk(chunk, 0);
    flipBit(path.join(world.source, 'a'), CHUNK_BYTES + 1);
    await sendChunks(world, { source, target });
    await sendTrailers(source, target);
    const result = await target.finish();
    expect(result.fileErrors).toMatchObject([{ destPath: '/a', code: 'integrity_failed' }]);
    expect(finalTree(world.target)).toEqual(summary({ b: tree.b }));
    await target.suspend();
    await source.close(true);
  });
});

describe('a source file that is changed between hashing and sending', () => {
  test('in size or time: the attempt ends, and names the file', async () => {
    world.make({ a: content(2 * CHUNK_BYTES) });
    const source = await world.openSource();
    await source.readChunk(0, 0);
    await source.readChunk(1, 0);
    fs.appendFileSync(path.join(world.source, 'a'), 'more');
    await expect(source.readChunk(0, 0)).rejects.toMatchObject({
      code: 'source_changed',
      message: expect.stringContaining('"/a"') as string,
    });
    await source.close(true);
  });
});

describe('reading back from the disk', () => {
  const hasNative = nativeFileSystem() !== null;

  test('what is right is verified, and the receipt says how', async () => {
    world.make({ a: content(CHUNK_BYTES + 5), b: Buffer.alloc(0), c: null });
    const target = await world.openTarget({ verifyMode: 'readback' });
    await arrive(target);
    const result = await target.finish();
    expect(result).toEqual({ fileErrors: [], verified: hasNative ? 'readback' : 'reread' });
    await target.suspend();
    const again = await world.openTarget({ verifyMode: 'readback' });
    expect(again.state.complete).toEqual(result);
    await again.suspend();
  });

  test('a file that differs after it was published is named and left in its place', async () => {
    const tree = { a: content(CHUNK_BYTES + 5), b: content(10, 2), d: content(20, 3) };
    world.make(tree);
    const target = await world.openTarget({ verifyMode: 'readback' });
    await arrive(target);
    await target.checkpoint();
    flipBit(path.join(world.target, 'a'), CHUNK_BYTES);
    fs.rmSync(path.join(world.target, 'd'));
    const result = await target.finish();
    expect(result.fileErrors).toMatchObject([
      { destPath: '/a', code: 'content_mismatch' },
      { destPath: '/d', code: 'content_mismatch' },
    ]);
    expect(fs.statSync(path.join(world.target, 'a')).size).toBe(CHUNK_BYTES + 5);
    const lines = await receiptFiles(world, target, 'receiver');
    expect(lines.filter(({ error }) => error === undefined)).toMatchObject([{ path: '/b' }]);
    await target.suspend();
    const again = await world.openTarget({ verifyMode: 'readback' });
    expect(again.state.complete).toEqual(result);
    expect(await receiptFiles(world, again, 'receiver')).toEqual(lines);
    await again.suspend();
  });
});
