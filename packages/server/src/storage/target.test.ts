import fs from 'node:fs';
import path from 'node:path';
import { pathBytesFromText } from '@jetstream/contract';
import { EntryBlockWriter, TrailerBlockWriter, type WireEntry } from '@jetstream/transport';
import { blake3 } from '@napi-rs/blake-hash';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CHUNK_BYTES, type Target, type TargetOptions } from './storage.js';
import {
  content,
  finalTree,
  readTree,
  receiptFiles,
  sendChunks,
  sendEntries,
  summary,
  transfer,
  World,
} from './storage-fixture.conformance.js';

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(() => world.close());

const entry = (text: string | Uint8Array, more: Partial<WireEntry> = {}): WireEntry => ({
  kind: 0,
  path: typeof text === 'string' ? (pathBytesFromText(text) ?? new Uint8Array()) : text,
  size: 0,
  mode: 0o644,
  mtimeus: 1,
  ...more,
});

const blockOf = (entries: readonly WireEntry[], firstIndex = 0): Uint8Array => {
  const writer = new EntryBlockWriter(firstIndex);
  for (const each of entries) expect(writer.add(each)).toBe(true);
  return Uint8Array.of(0, ...writer.finish());
};

const goodTrailers = (digests: readonly Uint8Array[], firstIndex = 0): Uint8Array => {
  const writer = new TrailerBlockWriter(firstIndex);
  for (const digest of digests) writer.add({ status: 'good', digest });
  return writer.finish();
};

const EMPTY_DIGEST = blake3(Buffer.alloc(0));

/** Opens a target, has it take hostile entries, and lets it publish what it takes. */
const receive = async (
  entries: readonly WireEntry[],
  more: Partial<TargetOptions> = {},
): Promise<unknown> => {
  const totalBytes = entries.reduce((sum, each) => sum + each.size, 0);
  const target = await world.openTarget({ totalFiles: entries.length, totalBytes, ...more });
  try {
    await target.addEntries(blockOf(entries));
    await target.addTrailers(goodTrailers(entries.map(() => EMPTY_DIGEST)));
    return (await target.finish()).fileErrors.map((error) => error.code);
  } catch (error) {
    return (error as { code?: string }).code;
  } finally {
    await target.discard();
  }
};

const sendAll = async (target: Target): Promise<unknown> => {
  const source = await world.openSource();
  await sendEntries(source, target);
  await sendChunks(world, { source, target });
  for (let block = await source.nextTrailers(); block; block = await source.nextTrailers()) {
    await target.addTrailers(block.bytes);
  }
  await source.close();
  const result = await target.finish();
  await target.suspend();
  return result.fileErrors.map(({ destPath, code }) => [destPath, code]);
};

describe('hostile file lists (attack 9)', () => {
  test.each([
    ['..', '/a/../../x'],
    ['.. alone', '..'],
    ['NUL', '/a\0b'],
    ['.. behind bytes that are not UTF-8', Uint8Array.of(0xff, 0x2f, 0x2e, 0x2e)],
  ])('%s ends the transfer, and nothing is written', async (_, text) => {
    expect(await receive([entry('/fine'), entry(text)])).toBe('peer_refused');
    expect(fs.readdirSync(world.target)).toEqual([]);
  });

  test('absolute names, doubled slashes and dots are just names below the destination', async () => {
    const names = ['/etc/passwd', 'relative', '//a//./b/', '/.../x', '/~root', '/%2e%2e/x'];
    expect(
      await receive(
        names.map((name) => entry(name)),
        { components: ['in'] },
      ),
    ).toEqual([]);
    expect(Object.keys(readTree(world.target))).toEqual([
      'in/%2e%2e/x',
      'in/.../x',
      'in/a/b',
      'in/etc/passwd',
      'in/relative',
      'in/~root',
    ]);
  });

  test.each([
    ['the same path twice', ['/a/b', '/a/b']],
    ['the same path in another spelling', ['/a/b', 'a//b/.']],
    ['a file where a directory is needed', ['/a', '/a/b']],
    ['a directory where a file is', ['/a/b', '/a']],
    ['UTF-8 in two spellings', ['/é', '/\udcc3\udca9']],
  ])('%s ends the transfer', async (_, names) => {
    expect(await receive(names.map((name) => entry(name)))).toBe('peer_refused');
    expect(fs.readdirSync(world.target)).toEqual([]);
  });

  test('a name that is too long fails its file; a path beyond the wire format ends it', async () => {
    expect(await receive([entry(`/${'x'.repeat(256)}`), entry('/ok')])).toEqual(['name_too_long']);
    expect(readTree(world.target)).toEqual(summary({ ok: Buffer.alloc(0) }));
    expect(await receive([entry('/a'.repeat(2048)), entry('/ok')])).toEqual(['name_too_long']);
    const writer = new EntryBlockWriter(0);
    expect(() => writer.add(entry('/a'.repeat(10_000)))).toThrow(RangeError);
  });

  test('10,000 components do not fit on the wire, and too many that do fit fail one file', async () => {
    const text = `${'a/'.repeat(10_000)}f`;
    const bytes = Buffer.from(text);
    const head = [0, 1, 0, 1, 0, 0, 0xa4, 3, 0, 0, 0xa1, 0x9c, 1];
    const target = await world.openTarget({ totalFiles: 1, totalBytes: 0 });
    const block = Uint8Array.of(...head, ...bytes);
    await expect(target.addEntries(block)).rejects.toMatchObject({ code: 'peer_refused' });
    await target.discard();
    expect(fs.readdirSync(world.target)).toEqual([]);
    const deep = entry(`${'a/'.repeat(2040)}f`);
    expect(await receive([deep, entry('/fine')])).toEqual(['name_too_long']);
    expect(fs.readdirSync(world.target)).toEqual(['fine']);
  });

  test('500 directories deep is a place like any other', async () => {
    expect(await receive([entry(`${'a/'.repeat(500)}f`)])).toEqual([]);
    expect(fs.readdirSync(`${world.target}/${'a/'.repeat(500)}`)).toEqual(['f']);
  });

  test('links, the destination itself and part files of this transfer fail their entry', async () => {
    const part = '/.jetpart-0123456789abcdef0123456789abcdeffeedbeef-1';
    expect(await receive([entry('/'), entry(part), entry('/ok')])).toEqual([
      'is_a_directory',
      'path_invalid',
    ]);
    expect(readTree(world.target)).toEqual(summary({ ok: Buffer.alloc(0) }));
  });

  test('links inside the target are not followed out of the root (attack 8)', async () => {
    const outside = path.join(world.base, 'outside');
    fs.mkdirSync(outside);
    fs.writeFileSync(path.join(outside, 'x'), 'before');
    fs.symlinkSync('../outside', path.join(world.target, 'up'));
    const link = path.join(world.target, 'x');
    const entries = [entry('/up/x'), entry('/up/new/y'), entry('/x')];
    for (const [overwriteMode, last] of [
      [5, []],
      [4, []],
      [3, ['already_exists']],
      [2, ['path_invalid']],
      [1, ['path_invalid']],
      [0, ['already_exists']],
    ] as const) {
      fs.rmSync(link, { force: true });
      fs.symlinkSync(path.join(outside, 'x'), link);
      const transferId = `0000000${overwriteMode}`;
      const errors = await receive(entries, { overwriteMode, transferId });
      const expected = ['path_invalid', 'path_invalid', ...last];
      expect([overwriteMode, errors]).toEqual([overwriteMode, expected]);
    }
    expect(readTree(outside)).toEqual(summary({ x: Buffer.from('before') }));
  });

  test('totals that lie: refused before anything is written', async () => {
    const files = [entry('/a', { size: 10 }), entry('/b', { size: 10 })];
    const lies = [
      { totalFiles: 1, totalBytes: 20 },
      { totalFiles: 2, totalBytes: 19 },
      { totalFiles: 2, totalBytes: 21 },
    ];
    for (const totals of lies) expect(await receive(files, totals)).toBe('peer_refused');
    const impossible = [
      { totalFiles: 0, totalBytes: 1 },
      { totalFiles: -1 },
      { totalFiles: 1e9 },
      { totalBytes: 2 ** 53 },
      { totalBytes: Number.NaN },
      { overwriteMode: 6 },
      { transferId: '../../../etc' },
      { peerKeyId: 'a/b' },
    ];
    for (const options of impossible) {
      await expect(world.openTarget(options)).rejects.toMatchObject({ code: 'peer_refused' });
    }
    expect(fs.readdirSync(world.target)).toEqual([]);
  });

  test('gaps, changed repeats, records without entries, and junk end the transfer', async () => {
    const options = { totalFiles: 3, totalBytes: 0 };
    const lies: ((target: Target) => Promise<unknown>)[] = [
      (target) => target.addEntries(blockOf([entry('/x')], 2)),
      (target) => target.addEntries(blockOf([entry('/a', { mode: 0o755 })])),
      (target) => target.addEntries(blockOf([entry('/other')])),
      (target) => target.addEntries(Uint8Array.of(1, 1, 2, 3)),
      (target) => target.addEntries(Uint8Array.of(7)),
      (target) => target.addEntries(new Uint8Array(0)),
      (target) => target.addTrailers(Uint8Array.of(1, 0, 9)),
      (target) => target.addTrailers(Uint8Array.of(1, 0, 1, 0, 0)),
      async (target) => {
        for (let part = 0; part < 100; part += 1) {
          await target.addTrailers(goodTrailers(Array(500).fill(EMPTY_DIGEST), 1));
        }
      },
    ];
    for (const [number, lie] of lies.entries()) {
      const target = await world.openTarget({ ...options, transferId: `abcd000${number}` });
      await target.addEntries(blockOf([entry('/a')]));
      await target.addEntries(blockOf([entry('/a')]));
      expect([number, await lie(target).catch((e: unknown) => e)]).toMatchObject([
        number,
        { code: 'peer_refused' },
      ]);
      await expect(target.finish()).rejects.toThrow();
      await target.discard();
    }
    expect(fs.readdirSync(world.journalDir)).toEqual([]);
  });

  test('random hostile names: nothing outside the destination changes', async () => {
    const part = fc.constantFrom(
      '..',
      '.',
      '',
      'a',
      'b',
      '…',
      '\udcff',
      '\u2025',
      '%2e%2e',
      'a\\..',
    );
    const name = fc.array(part, { minLength: 1, maxLength: 6 }).map((parts) => parts.join('/'));
    fs.writeFileSync(path.join(world.base, 'canary'), 'canary');
    await fc.assert(
      fc.asyncProperty(fc.array(name, { minLength: 1, maxLength: 5 }), async (names) => {
        const entries = names.filter((text) => text !== '').map((text) => entry(text));
        fs.mkdirSync(path.join(world.target, 'beside'), { recursive: true });
        await receive(entries, { components: ['in'] });
        const inBase = fs.readdirSync(world.base).sort();
        expect(inBase.join(' ')).toBe('canary journal kept source target');
        const around = fs.readdirSync(world.target).filter((each) => each !== 'in');
        expect(around).toEqual(['beside']);
        expect(fs.readdirSync(path.join(world.target, 'beside'))).toEqual([]);
        fs.rmSync(path.join(world.target, 'in'), { recursive: true, force: true });
      }),
      { numRuns: 100 },
    );
  });
});

describe('contents', () => {
  test('a digest that does not fit: the file is not published', async () => {
    const target = await world.openTarget({ totalFiles: 2, totalBytes: 0 });
    await target.addEntries(blockOf([entry('/a'), entry('/b')]));
    await target.addTrailers(goodTrailers([new Uint8Array(32), EMPTY_DIGEST]));
    const result = await target.finish();
    expect(result.fileErrors).toMatchObject([{ destPath: '/a', code: 'integrity_failed' }]);
    expect(readTree(world.target)).toEqual(summary({ b: Buffer.alloc(0) }));
    await target.suspend();
  });

  test('writeChunk: what is not a chunk of the list so far is refused', async () => {
    world.make({ a: content(CHUNK_BYTES + 5) });
    const target = await world.openTarget();
    await expect(target.writeChunk(0, 0, CHUNK_BYTES)).rejects.toMatchObject({ code: 'internal' });
    const source = await world.openSource();
    await sendEntries(source, target);
    for (const [chunk, length] of [
      [1, 6],
      [2, 5],
      [-1, 5],
      [0.5, 5],
      [0, 5],
    ] as const) {
      await expect(target.writeChunk(chunk, 0, length)).rejects.toMatchObject({ code: 'internal' });
    }
    await target.discard();
    await source.close();
  });

  test('records that come before their entries wait for them', async () => {
    const target = await world.openTarget({ totalFiles: 2, totalBytes: 0 });
    await target.addTrailers(goodTrailers([EMPTY_DIGEST]));
    await target.addTrailers(goodTrailers([EMPTY_DIGEST], 1));
    await target.addEntries(blockOf([entry('/a'), entry('/b')]));
    await target.finish();
    expect(await receiptFiles(world, target, 'receiver')).toHaveLength(2);
    await target.suspend();
  });
});

describe('what the disk refuses', () => {
  test('a directory in the place of a file, a file in the place of a directory', async () => {
    world.make({ 'a/x': content(CHUNK_BYTES + 5), b: content(10), c: content(20), d: null });
    fs.writeFileSync(path.join(world.target, 'a'), 'file');
    fs.mkdirSync(path.join(world.target, 'b'));
    fs.writeFileSync(path.join(world.target, 'd'), 'file');
    expect(await sendAll(await world.openTarget())).toEqual([
      ['/a/x', 'not_a_directory'],
      ['/b', 'is_a_directory'],
      ['/d', 'not_a_directory'],
    ]);
    expect(readTree(world.target)).toEqual(
      summary({ a: Buffer.from('file'), b: null, c: content(20), d: Buffer.from('file') }),
    );
  });

  test('a root that is missing', async () => {
    await expect(world.openTarget({ root: '/nowhere' })).rejects.toMatchObject({
      code: 'path_not_found',
    });
  });
});

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
    const { fileErrors } = await transfer(world, {}, { overwriteMode: 2 });
    expect(fileErrors[0]?.message).toBe(
      'Cannot write "/other": the file there has 300 bytes, expected 200 or none',
    );
  });
});
