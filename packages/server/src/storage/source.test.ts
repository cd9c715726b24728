import fs from 'node:fs';
import path from 'node:path';
import { decodeTrailerBlock, type TrailerRecord } from '@jetstream/transport';
import { blake3 } from '@napi-rs/blake-hash';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CHUNK_BYTES, SLOT_BYTES, type Source } from './storage.js';
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

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(() => world.close());

const inSource = (name: string): string => path.join(world.source, name);

const recordsOf = async (source: Source): Promise<TrailerRecord[]> => {
  const records: TrailerRecord[] = [];
  for (let block = await source.nextTrailers(); block; block = await source.nextTrailers()) {
    const decoded = decodeTrailerBlock(block.bytes);
    if ('fault' in decoded) throw new Error(decoded.fault);
    expect(decoded.firstIndex).toBe(records.length);
    records.push(...decoded.items.map((item) => structuredClone(item)));
  }
  return records;
};

const good = (bytes: Buffer): TrailerRecord => ({
  status: 'good',
  digest: new Uint8Array(blake3(bytes)),
});

describe('source', () => {
  test('readChunk: content, digest behind it, zeros for nothing else', async () => {
    const bytes = content(CHUNK_BYTES + 1000);
    world.make({ a: bytes });
    const source = await world.openSource();
    expect(await source.readChunk(1, SLOT_BYTES)).toBe(1000);
    const slot = Buffer.from(world.arena, SLOT_BYTES, 1032);
    expect(slot.subarray(0, 1000).equals(bytes.subarray(CHUNK_BYTES))).toBe(true);
    expect(slot.subarray(1000).equals(blake3(bytes.subarray(CHUNK_BYTES)))).toBe(true);
    await expect(source.readChunk(2, 0)).rejects.toMatchObject({ code: 'internal' });
    await expect(source.readChunk(0, 4 * SLOT_BYTES)).rejects.toMatchObject({ code: 'internal' });
    await source.close();
  });

  test('changed or gone between list and read: a bad record, zeros, and the rest goes on', async () => {
    const tree = {
      grown: content(1000, 1),
      cut: content(CHUNK_BYTES + 9, 2),
      touched: content(1000, 3),
      gone: content(1000, 4),
      link: content(1000, 5),
      pipe: content(1000, 6),
      'sub/deep': content(1000, 7),
      'gone empty': Buffer.alloc(0),
      fine: content(2 * CHUNK_BYTES, 8),
    };
    world.make(tree);
    fs.appendFileSync(inSource('grown'), 'x');
    fs.truncateSync(inSource('cut'), CHUNK_BYTES - 5);
    fs.utimesSync(inSource('touched'), 1, 1);
    for (const name of ['gone', 'link', 'pipe', 'gone empty']) fs.rmSync(inSource(name));
    fs.symlinkSync('/etc/hostname', inSource('link'));
    fs.mkdirSync(inSource('pipe'));
    fs.rmSync(inSource('sub'), { recursive: true });
    fs.writeFileSync(inSource('sub'), 'a file');
    const result = await transfer(world);
    expect(finalTree(world.target)).toEqual(summary({ fine: tree.fine, sub: null }));
    const codes = Object.fromEntries(
      result.fileErrors.map(({ destPath, code }) => [destPath.slice(1), code]),
    );
    expect(codes).toEqual({
      grown: 'source_changed',
      cut: 'source_changed',
      touched: 'source_changed',
      gone: 'source_vanished',
      link: 'path_invalid',
      pipe: 'source_changed',
      'sub/deep': 'source_vanished',
      'gone empty': 'source_vanished',
    });
    expect(fs.readdirSync(world.target)).toEqual(['fine', 'sub']);
  });

  test('changed while it is read: a bad record', async () => {
    world.make({ a: content(3 * CHUNK_BYTES), b: content(5) });
    const source = await world.openSource();
    const target = await world.openTarget();
    await sendEntries(source, target);
    await sendChunks(world, { source, target }, { order: [0, 1] });
    fs.writeSync(fs.openSync(inSource('a'), 'r+'), 'change', 2 * CHUNK_BYTES);
    await sendChunks(world, { source, target }, { order: [2, 3] });
    expect(await source.fileErrors()).toMatchObject([{ destPath: '/a', code: 'source_changed' }]);
    await sendTrailers(source, target);
    expect((await target.finish()).fileErrors).toMatchObject([{ destPath: '/a' }]);
    expect(finalTree(world.target)).toEqual(summary({ b: content(5) }));
    await target.suspend();
    await source.close();
  });

  test('changed after its good record: the chunk is refused, never zeros under a good record', async () => {
    world.make({ a: content(100) });
    const source = await world.openSource();
    await source.readChunk(0, 0);
    expect(await recordsOf(source)).toEqual([good(content(100))]);
    fs.appendFileSync(inSource('a'), 'x');
    await expect(source.readChunk(0, 0)).rejects.toMatchObject({ code: 'source_changed' });
    await expect(source.readChunk(0, 0)).rejects.toMatchObject({ code: 'source_changed' });
    await source.close();
  });

  test('skip, any order: digests of what is not asked for in order are made by reading', async () => {
    const tree = {
      'a/first': content(3 * CHUNK_BYTES + 5, 1),
      'b/small': content(77, 2),
      empty: Buffer.alloc(0),
      'z/last': content(2 * CHUNK_BYTES, 3),
    };
    world.make({ ...tree, 'empty dir': null });
    const expected = [...Object.values(tree).map(good), { status: 'none' }];
    for (const plan of [
      { skip: [], order: [5, 4, 3, 2, 1, 0] },
      { skip: [{ first: 0, end: 6 }], order: [] },
      { skip: [{ first: 1, end: 3 }], order: [0, 3, 4, 5] },
      {
        skip: [
          { first: 0, end: 2 },
          { first: 4, end: 5 },
        ],
        order: [5, 2, 3],
      },
    ]) {
      const source = await world.openSource();
      source.skip(plan.skip);
      const records = recordsOf(source);
      for (const chunk of plan.order) await source.readChunk(chunk, 0);
      expect(await records).toEqual(expected);
      await source.close();
    }
  });

  test('nextTrailers: waits for what is being read, and ends when the source is closed', async () => {
    world.make({ a: content(CHUNK_BYTES), b: content(CHUNK_BYTES, 2) });
    const source = await world.openSource();
    const first = source.nextTrailers();
    await source.readChunk(0, 0);
    expect(decodeTrailerBlock((await first)?.bytes ?? new Uint8Array())).toMatchObject({
      firstIndex: 0,
      items: [good(content(CHUNK_BYTES))],
    });
    const second = source.nextTrailers();
    const rejected = expect(second).rejects.toMatchObject({ code: 'cancelled' });
    await source.close();
    await rejected;
    await source.close();
  });

  test('openSource: another list than the order speaks of is refused', async () => {
    world.make({ a: content(5) });
    world.totals = { totalFiles: 2, totalBytes: 5 };
    await expect(world.openSource()).rejects.toMatchObject({ code: 'internal' });
    fs.rmSync(world.listPath);
    await expect(world.openSource()).rejects.toMatchObject({ code: 'path_not_found' });
  });

  test('confinement: a source that became a link out of its root is not read (attack 8)', async () => {
    world.make({ 'in/a': content(6), b: content(1) });
    fs.mkdirSync(path.join(world.base, 'outside'));
    fs.renameSync(inSource('in/a'), path.join(world.base, 'outside/a'));
    fs.rmdirSync(inSource('in'));
    fs.symlinkSync('../outside', inSource('in'));
    const result = await transfer(world);
    expect(result.fileErrors).toMatchObject([{ destPath: '/in/a', code: 'path_invalid' }]);
  });
});
