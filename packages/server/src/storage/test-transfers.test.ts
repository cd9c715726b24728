import fs from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CHUNK_BYTES } from './storage.js';
import {
  content,
  readTree,
  sendChunks,
  sendEntries,
  sendTrailers,
  summary,
  type Tree,
  transfer,
  World,
} from './storage-fixture.conformance.js';

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(() => world.close());

const TREE: Tree = {
  'a/one': content(2 * CHUNK_BYTES + 9, 1),
  'a/two': content(5, 2),
  empty: Buffer.alloc(0),
  'a directory': null,
};

describe('a source that reads nothing', () => {
  test('sends zeros of the right sizes with digests that fit, also when the files are gone', async () => {
    world.make(TREE);
    fs.rmSync(world.source, { recursive: true });
    fs.mkdirSync(world.source);
    const { listPath, totals } = world;
    const source = await world.storage.openSource({
      ...{ transferId: '00aa', listPath, ...totals, reads: false },
      digestsPath: `${world.journalDir}.digests`,
    });
    const target = await world.openTarget();
    await sendEntries(source, target);
    await sendChunks(world, { source, target });
    await sendTrailers(source, target);
    expect((await target.finish()).fileErrors).toEqual([]);
    await target.suspend();
    await source.close();
    const zeros = Object.fromEntries(
      Object.entries(TREE).map(([name, bytes]) => [name, bytes && Buffer.alloc(bytes.length)]),
    );
    expect(readTree(world.target)).toEqual(summary(zeros));
  });
});

describe('a target that writes nothing', () => {
  test('verifies all, leaves nothing behind and reports no file as stored', async () => {
    world.make(TREE);
    const damaged = new Set<number>();
    const onChunk = (chunk: number, bytes: Uint8Array): void => {
      if (damaged.has(chunk)) return;
      damaged.add(chunk);
      bytes[0] = (bytes[0] ?? 0) ^ 1;
    };
    const result = await transfer(world, { onChunk }, { writes: false });
    expect(result).toMatchObject({ files: [], fileErrors: [] });
    expect(damaged.size).toBe(world.chunks);
    expect(fs.readdirSync(world.target)).toEqual([]);
    expect(fs.readdirSync(world.journalDir)).toEqual([]);
  });

  test('tells which chunks it has seen since the last checkpoint, and of files that failed', async () => {
    world.make(TREE);
    fs.rmSync(`${world.source}/a/two`);
    const source = await world.openSource();
    const target = await world.openTarget({ writes: false });
    await sendEntries(source, target);
    await expect(target.finish()).rejects.toMatchObject({ code: 'internal' });
    await sendChunks(world, { source, target });
    expect(await target.checkpoint()).toEqual([{ first: 0, end: world.chunks }]);
    expect(await target.checkpoint()).toEqual([]);
    await sendTrailers(source, target);
    const { fileErrors } = await target.finish();
    expect(fileErrors).toMatchObject([{ destPath: '/a/two', code: 'source_vanished' }]);
    await source.close();
  });

  test('holds the sender to its totals', async () => {
    world.make(TREE);
    const source = await world.openSource();
    const target = await world.openTarget({ writes: false, totalBytes: 1 });
    const sent = sendEntries(source, target);
    await expect(sent).rejects.toMatchObject({ code: 'peer_refused' });
    await source.close();
  });
});
