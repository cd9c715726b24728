import fs from 'node:fs';
import path from 'node:path';
import { pathTextFromBytes } from '@jetstream/contract';
import { blake3 } from '@napi-rs/blake-hash';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CHUNK_BYTES, SLOT_BYTES } from './storage.js';
import {
  content,
  finalTree,
  readTree,
  receiptFiles,
  sendChunks,
  sendEntries,
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

const mixed = (): Tree => ({
  'big/one': content(3 * CHUNK_BYTES + 77, 1),
  ...Object.fromEntries([...Array(150).keys()].map((n) => [`many/f${n}`, content(1000 + n, n)])),
  empty: Buffer.alloc(0),
  'empty dir/in/it': null,
  'exactly one chunk': content(CHUNK_BYTES, 2),
  'last/empty': Buffer.alloc(0),
});

describe('source to target', () => {
  test('a mixed tree arrives as it is, and the receipt has its digests', async () => {
    const tree = mixed();
    world.make(tree);
    const result = await transfer(world);
    expect(readTree(world.target)).toEqual(summary(tree));
    expect(result.fileErrors).toEqual([]);
    expect(result.files.length).toBe(Object.keys(tree).length);
    for (const file of result.files) {
      const bytes = tree[file.path.slice(1)];
      const expected = bytes
        ? { kind: 'file', size: bytes.length, blake3: blake3(bytes).toString('hex') }
        : { kind: 'directory', size: 0 };
      expect(file).toEqual({ path: file.path, mtime: file.mtime, ...expected });
    }
    expect(result.sent).toEqual(result.files);
  });

  test('random trees, chunk orders and checkpoints: content is equal', async () => {
    const name = fc
      .uint8Array({ minLength: 1, maxLength: 12 })
      .map((bytes) => pathTextFromBytes(bytes.map((byte) => (byte < 0x30 ? byte + 0x30 : byte))));
    const size = fc.oneof(fc.nat(300), fc.nat(3 * CHUNK_BYTES), fc.constant(CHUNK_BYTES));
    const file = fc.tuple(fc.array(name, { minLength: 1, maxLength: 3 }), size);
    const scenario = fc.record({
      files: fc.array(file, { maxLength: 12 }),
      priorities: fc.array(fc.nat(), { minLength: 100, maxLength: 100 }),
      checkpointEvery: fc.integer({ min: 1, max: 5 }),
    });
    await fc.assert(
      fc.asyncProperty(scenario, async ({ files, priorities, checkpointEvery }) => {
        const tree: Tree = {};
        files.forEach(([parts, bytes], number) => {
          // A directory level of its own keeps files and directories apart.
          tree[[`${number}`, ...parts].join('/')] = content(bytes, number);
        });
        world.close();
        world = new World();
        world.make(tree);
        const order = [...Array(world.chunks).keys()].sort(
          (a, b) => (priorities[a] ?? 0) - (priorities[b] ?? 0),
        );
        const result = await transfer(world, { order, checkpointEvery });
        expect(result.fileErrors).toEqual([]);
        expect(readTree(world.target)).toEqual(summary(tree));
      }),
      { numRuns: 25 },
    );
  });

  test('a damaged chunk is refused and taken when it comes again', async () => {
    const tree = mixed();
    world.make(tree);
    const damaged: number[] = [];
    await transfer(world, {
      onChunk: (chunk, bytes) => {
        const at = (chunk * 7919) % bytes.length;
        bytes[at] = (bytes[at] as number) ^ 1;
        damaged.push(chunk);
      },
    });
    expect(damaged.length).toBe(world.chunks);
    expect(readTree(world.target)).toEqual(summary(tree));
  });

  test('a chunk that comes twice changes nothing', async () => {
    world.make({ a: content(2 * CHUNK_BYTES) });
    const source = await world.openSource();
    const target = await world.openTarget();
    await sendEntries(source, target);
    await sendChunks(world, { source, target });
    new Uint8Array(world.arena).fill(7);
    expect(await target.writeChunk(0, 0, CHUNK_BYTES)).toBe('written');
    for (let block = await source.nextTrailers(); block; block = await source.nextTrailers()) {
      await target.addTrailers(block.bytes);
      await target.addTrailers(block.bytes);
    }
    await target.finish();
    expect(readTree(world.target)).toEqual(summary({ a: content(2 * CHUNK_BYTES) }));
    await target.finish();
    expect(await receiptFiles(world, target, 'receiver')).toHaveLength(1);
    await target.suspend();
    await source.close();
  });

  test('times are kept to the microsecond, modes without set-id and sticky bits (attack 10)', async () => {
    world.make({
      plain: content(10),
      run: content(CHUNK_BYTES + 1),
      old: content(0),
      gone: content(5),
    });
    fs.chmodSync(path.join(world.source, 'run'), 0o6755);
    fs.chmodSync(path.join(world.source, 'plain'), 0o640);
    fs.chmodSync(path.join(world.source, 'old'), 0o1666);
    fs.chmodSync(path.join(world.source, 'gone'), 0o044);
    const times: Record<string, number> = {
      plain: 1_700_000_000.123457,
      run: 1_699_999_999.999999,
      old: 0.000001,
    };
    for (const [name, seconds] of Object.entries(times)) {
      fs.utimesSync(path.join(world.source, name), seconds, seconds);
    }
    fs.utimesSync(path.join(world.source, 'gone'), '-86400.25', '-86400.25');
    world.list(['plain', 'run', 'old', 'gone']);
    await transfer(world);
    const modes: Record<string, number> = { plain: 0o640, run: 0o755, old: 0o666, gone: 0o044 };
    for (const name of ['plain', 'run', 'old', 'gone']) {
      const before = fs.statSync(path.join(world.source, name), { bigint: true });
      const after = fs.statSync(path.join(world.target, name), { bigint: true });
      const apart = after.mtimeNs / 1000n - before.mtimeNs / 1000n;
      expect([name, apart]).toEqual([name, 0n]);
      expect([name, Number(after.mode & 0o7777n)]).toEqual([name, modes[name]]);
    }
  });

  test('an empty directory keeps its time and mode; one that is there stays as it is', async () => {
    world.make({ 'a/new': null, there: null });
    fs.chmodSync(path.join(world.source, 'a/new'), 0o2750);
    fs.utimesSync(path.join(world.source, 'a/new'), 1_600_000_000, 1_600_000_000);
    fs.mkdirSync(path.join(world.target, 'there'), { mode: 0o711 });
    world.list(['a/new', 'there']);
    await transfer(world);
    const made = fs.statSync(path.join(world.target, 'a/new'));
    expect([made.mode & 0o7777, made.mtimeMs]).toEqual([0o750, 1_600_000_000_000]);
    expect(fs.statSync(path.join(world.target, 'there')).mode & 0o7777).toBe(0o711);
  });

  test('names: not UTF-8, 255 bytes, line feeds, deep', async () => {
    const odd = pathTextFromBytes(Uint8Array.of(0xff, 0xfe, 0x41, 0xc3, 0x28));
    const tree: Tree = {
      [odd]: content(5),
      [`${odd}d/${odd}`]: content(CHUNK_BYTES + 5, 3),
      ['é'.repeat(127)]: content(9),
      ['x'.repeat(255)]: content(11),
      'line\nfeed/"quote"\\ \t': content(13),
      '…/ ünïcode/日本語': content(17),
      [Array(100).fill('deep').join('/')]: content(19),
      ' ': content(1),
      '-rf': content(2),
      'a:b': content(3),
    };
    world.make(tree);
    expect((await transfer(world)).fileErrors).toEqual([]);
    expect(readTree(world.target)).toEqual(summary(tree));
  });

  test('nothing at all, and one empty directory as the destination itself', async () => {
    world.make({});
    expect(await transfer(world)).toMatchObject({ files: [], sent: [], fileErrors: [] });
    const entry = { kind: 'directory', root: 0, source: '', destPath: '/', size: 0 } as const;
    world.writeList([{ ...entry, mtimeus: 0, mode: 0o755 }]);
    await transfer(world, {}, { transferId: 'aabbccdd', components: ['new', 'place'] });
    expect(readTree(world.target)).toEqual(summary({ 'new/place': null }));
  });

  test('components: everything lies below the destination path', async () => {
    world.make({ 'a/b': content(3) });
    await transfer(world, {}, { components: ['x', 'y'] });
    expect(readTree(world.target)).toEqual(summary({ 'x/y/a/b': content(3) }));
  });

  test('checkpoint: says each chunk once, publishes what is finished', async () => {
    world.make({ a: content(CHUNK_BYTES), b: content(CHUNK_BYTES, 2) });
    const source = await world.openSource();
    const target = await world.openTarget();
    await sendEntries(source, target);
    await source.readChunk(0, 0);
    await target.writeChunk(0, 0, CHUNK_BYTES);
    expect(await target.checkpoint()).toEqual([{ first: 0, end: 1 }]);
    expect(finalTree(world.target)).toEqual(summary({}));
    const first = await source.nextTrailers();
    await target.addTrailers(first?.bytes ?? new Uint8Array());
    expect(await target.checkpoint()).toEqual([]);
    expect(finalTree(world.target)).toEqual(summary({ a: content(CHUNK_BYTES) }));
    await expect(target.finish()).rejects.toThrow('the record of entry 1, chunk 1 missing');
    await source.readChunk(1, SLOT_BYTES);
    await target.writeChunk(1, SLOT_BYTES, CHUNK_BYTES);
    const both = await Promise.all([target.checkpoint(), target.checkpoint()]);
    expect(both).toEqual([[{ first: 1, end: 2 }], []]);
    await target.suspend();
    await source.close();
  });

  test('descriptors: all are closed again', async () => {
    const openFds = (): number => fs.readdirSync('/proc/self/fd').length;
    const before = openFds();
    const tree: Tree = {};
    for (let number = 0; number < 90; number += 1) {
      tree[`${number}/f`] = content(CHUNK_BYTES / 2 + number, number);
    }
    world.make(tree);
    const order = [...Array(world.chunks).keys()].reverse();
    let most = 0;
    const onChunk = (): void => {
      most = Math.max(most, openFds());
    };
    await transfer(world, { order, onChunk });
    expect(readTree(world.target)).toEqual(summary(tree));
    expect(most - before).toBeLessThan(4 * 64 + 20);
    expect(openFds()).toBe(before);
  });
});
