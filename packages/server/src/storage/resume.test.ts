import fs from 'node:fs';
import path from 'node:path';
import { OVERWRITE_BACKUP, OVERWRITE_IN_PLACE_NEVER, OVERWRITE_NEVER } from '@jetstream/contract';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CHUNK_BYTES, type Source, type Target } from './storage.js';
import {
  content,
  finalTree,
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

const tree: Tree = {
  'a/big': content(2 * CHUNK_BYTES + 100, 1),
  ...Object.fromEntries([...Array(40).keys()].map((n) => [`b/f${n}`, content(3000 + n, n)])),
  'c/empty': Buffer.alloc(0),
  'd/empty dir': null,
  'e/other': content(CHUNK_BYTES + 5000, 3),
};

const journalFile = (): string => {
  const [directory] = fs.readdirSync(world.journalDir);
  return path.join(world.journalDir, directory ?? '', 'journal');
};

/** What a target is asked to do, step by step, with the last steps left out. */
const steps = function* (
  ends: { source: Source; target: Target },
  order: readonly number[],
): Generator<() => Promise<unknown>> {
  const { source, target } = ends;
  yield () => sendEntries(source, target);
  for (const [position, chunk] of order.entries()) {
    yield () => sendChunks(world, ends, { order: [chunk] });
    if (position % 2 === 1) yield () => target.checkpoint();
    // The first record is there once the chunks of the first file have been read.
    if (position === 2 && order.slice(0, 3).every((each) => each < 3)) {
      yield async () => {
        const block = await source.nextTrailers();
        if (block !== null) await target.addTrailers(block.bytes);
      };
    }
  }
  yield () => sendTrailers(source, target);
  yield () => target.checkpoint();
  yield () => target.finish();
};

const wholeTransfer = async (options: { overwriteMode: number }): Promise<void> => {
  const result = await transfer(world, {}, options);
  expect(result.fileErrors).toEqual([]);
  expect(finalTree(world.target)).toEqual(summary(tree));
};

describe('resume', () => {
  test.each([
    { overwriteMode: 4 },
    { overwriteMode: OVERWRITE_NEVER },
    { overwriteMode: OVERWRITE_BACKUP },
    { overwriteMode: OVERWRITE_IN_PLACE_NEVER },
  ])(
    'killed after any step, in mode $overwriteMode: what follows completes it',
    async (options) => {
      world.make(tree);
      const total = [
        ...steps({} as { source: Source; target: Target }, [...Array(world.chunks).keys()]),
      ];
      for (let killAfter = 1; killAfter <= total.length; killAfter += 1) {
        fs.rmSync(world.target, { recursive: true });
        fs.rmSync(world.journalDir, { recursive: true, force: true });
        fs.mkdirSync(world.target);
        const source = await world.openSource();
        const target = await world.openTarget(options);
        const order = [...Array(world.chunks).keys()];
        for (const step of [...steps({ source, target }, order)].slice(0, killAfter)) await step();
        await source.close();
        world.crash();
        await wholeTransfer(options);
      }
    },
  );

  test('torn at a random byte, with other chunk orders: completes, trusts nothing unsynced', async () => {
    world.make(tree);
    const scenario = fc.record({
      priorities: fc.array(fc.nat(), { minLength: 10, maxLength: 10 }),
      killAfter: fc.integer({ min: 1, max: 12 }),
      cut: fc.integer({ min: 0, max: 1000 }).map((thousandths) => thousandths / 1000),
      junk: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(scenario, async ({ priorities, killAfter, cut, junk }) => {
        fs.rmSync(world.target, { recursive: true });
        fs.rmSync(world.journalDir, { recursive: true, force: true });
        fs.mkdirSync(world.target);
        const source = await world.openSource();
        const target = await world.openTarget();
        const order = [...Array(world.chunks).keys()].sort(
          (a, b) => (priorities[a] ?? 0) - (priorities[b] ?? 0),
        );
        for (const step of [...steps({ source, target }, order)].slice(0, killAfter)) await step();
        await source.close();
        world.crash();
        const whole = fs.readFileSync(journalFile());
        const torn = whole.subarray(0, Math.floor(cut * whole.length));
        fs.writeFileSync(journalFile(), junk ? Buffer.concat([torn, Buffer.alloc(50, 9)]) : torn);
        await wholeTransfer({ overwriteMode: 4 });
      }),
      { numRuns: 25 },
    );
  });

  test('what was durable is not asked for again, and only that', async () => {
    world.make(tree);
    const source = await world.openSource();
    const target = await world.openTarget();
    await sendEntries(source, target);
    await sendChunks(world, { source, target }, { order: [0, 1] });
    await target.checkpoint();
    await sendChunks(world, { source, target }, { order: [2] });
    world.crash();
    const again = await world.openTarget();
    expect(again.state).toMatchObject({ durable: [{ first: 0, end: 2 }], complete: null });
    await again.suspend();
    await source.close();
  });

  test('suspend keeps what has arrived; an open transfer cannot be opened twice', async () => {
    world.make(tree);
    const source = await world.openSource();
    const target = await world.openTarget();
    await sendEntries(source, target);
    await sendChunks(world, { source, target }, { order: [1, 2] });
    await expect(world.openTarget()).rejects.toMatchObject({ code: 'conflict' });
    await target.suspend();
    await expect(target.checkpoint()).rejects.toMatchObject({ code: 'cancelled' });
    const again = await world.openTarget();
    expect(again.state.durable).toEqual([{ first: 1, end: 3 }]);
    await again.suspend();
    await source.close();
  });

  test('a part file that was changed, cut or removed meanwhile is not trusted', async () => {
    for (const damage of ['change', 'cut', 'remove', 'link'] as const) {
      world.close();
      world = new World();
      world.make(tree);
      const source = await world.openSource();
      const target = await world.openTarget();
      await sendEntries(source, target);
      await sendChunks(world, { source, target }, { order: [0, 1] });
      await target.suspend();
      await source.close();
      const parts = fs.readdirSync(path.join(world.target, 'a'));
      const part = path.join(world.target, 'a', parts[0] ?? '');
      fs.writeFileSync(path.join(world.base, 'outside'), 'outside');
      if (damage === 'change') fs.writeSync(fs.openSync(part, 'r+'), 'other', 1000);
      if (damage === 'cut') fs.truncateSync(part, 1000);
      if (damage === 'remove' || damage === 'link') fs.rmSync(part);
      if (damage === 'link') fs.symlinkSync(path.join(world.base, 'outside'), part);
      const result = await transfer(world).catch((error: unknown) => error);
      expect(fs.readFileSync(path.join(world.base, 'outside'), 'utf8')).toBe('outside');
      if (damage === 'change' || damage === 'link') {
        const code = damage === 'change' ? 'integrity_failed' : 'already_exists';
        expect([damage, result]).toMatchObject([
          damage,
          { fileErrors: [{ destPath: '/a/big', code }] },
        ]);
      } else {
        expect([damage, result]).toMatchObject([damage, { fileErrors: [] }]);
        expect(readTree(world.target)).toEqual(summary(tree));
      }
    }
  });

  test('complete: the result is there again, whatever became of the files', async () => {
    world.make(tree);
    const { fileErrors, verified } = await transfer(world);
    const result = { fileErrors, verified };
    fs.rmSync(path.join(world.target, 'a'), { recursive: true });
    world.crash();
    const again = await world.openTarget();
    expect(again.state.complete).toEqual(result);
    expect(await again.finish()).toEqual(result);
    expect(fs.existsSync(path.join(world.target, 'a'))).toBe(false);
    await again.discard();
    expect(fs.readdirSync(world.journalDir)).toEqual([]);
  });

  test('another destination or other totals under the same id are refused', async () => {
    world.make(tree);
    await (await world.openTarget()).suspend();
    for (const other of [{ components: ['x'] }, { overwriteMode: 3 }, { totalFiles: 9 }]) {
      await expect(world.openTarget(other)).rejects.toMatchObject({ code: 'conflict' });
    }
    await (await world.openTarget()).suspend();
  });

  test('discard: part files and journal are gone, also those of an earlier attempt', async () => {
    world.make(tree);
    const source = await world.openSource();
    const target = await world.openTarget();
    await sendEntries(source, target);
    await sendChunks(world, { source, target });
    world.crash();
    expect(Object.keys(readTree(world.target)).length).toBeGreaterThan(40);
    const again = await world.openTarget();
    await sendEntries(await world.openSource(), again);
    await again.discard();
    expect(Object.values(readTree(world.target)).filter((each) => each !== 'directory')).toEqual(
      [],
    );
    expect(fs.readdirSync(world.journalDir)).toEqual([]);
    await source.close();
  });

  test('backup: a kill between the renames does not cost the old file', async () => {
    const options = { overwriteMode: OVERWRITE_BACKUP };
    world.make({ f: content(100, 1) });
    fs.writeFileSync(path.join(world.target, 'f'), 'old');
    const source = await world.openSource();
    const target = await world.openTarget(options);
    await sendEntries(source, target);
    await sendChunks(world, { source, target });
    await sendTrailers(source, target);
    await target.checkpoint();
    world.crash();
    // As if the last record, that the file is published, had never reached the disk.
    const whole = fs.readFileSync(journalFile());
    const cut = whole.indexOf('{"published"') - 1;
    expect(cut).toBeGreaterThan(0);
    fs.writeFileSync(journalFile(), whole.subarray(0, cut));
    expect((await transfer(world, {}, options)).fileErrors).toEqual([]);
    expect(fs.readFileSync(path.join(world.target, 'f.jetbak'), 'utf8')).toBe('old');
    expect(fs.readFileSync(path.join(world.target, 'f'))).toEqual(content(100, 1));
  });

  test('many checkpoints: loading merges them, the journal stays small', async () => {
    world.make({ big: content(5 * CHUNK_BYTES) });
    for (let round = 0; round < 300; round += 1) {
      const target = await world.openTarget();
      await target.suspend();
    }
    const target = await world.openTarget();
    const source = await world.openSource();
    await sendEntries(source, target);
    await sendChunks(world, { source, target }, { checkpointEvery: 1 });
    await target.suspend();
    await source.close();
    expect(fs.statSync(journalFile()).size).toBeLessThan(2000);
    await transfer(world);
    expect(readTree(world.target)).toEqual(summary({ big: content(5 * CHUNK_BYTES) }));
  });
});
