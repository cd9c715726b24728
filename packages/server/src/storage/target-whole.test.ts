import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CHUNK_BYTES, type Source, type Target, type TargetOptions } from './storage.js';
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

const options: Partial<TargetOptions> = { components: ['in', 'job'], publishWhole: true };
const tree: Tree = {
  'a/big': content(CHUNK_BYTES + 100, 1),
  b: content(50, 2),
  'c/empty dir': null,
  d: Buffer.alloc(0),
};

let world: World;
beforeEach(() => {
  world = new World();
  world.make(tree);
});
afterEach(() => world.close());

const job = (): string => path.join(world.target, 'in/job');
const names = (): string[] => fs.readdirSync(path.join(world.target, 'in'));

const codeOf = async (run: Promise<unknown>): Promise<string> =>
  run.then(
    () => '',
    (error: unknown) => (error as { code: string }).code,
  );

/** Everything that leads to the end, so that it can be left at any step. */
const steps = (ends: { source: Source; target: Target }): (() => Promise<unknown>)[] => [
  () => sendEntries(ends.source, ends.target),
  () => sendChunks(world, ends, { order: [0] }),
  () => ends.target.checkpoint(),
  () => sendChunks(world, ends, { order: [1] }),
  () => sendTrailers(ends.source, ends.target),
  () => ends.target.checkpoint(),
  () => ends.target.finish(),
];

describe('publishing as a whole', () => {
  test('nothing is at the destination until everything is, then all at once', async () => {
    const source = await world.openSource();
    const target = await world.openTarget(options);
    const all = steps({ source, target });
    for (const [position, step] of all.entries()) {
      await step();
      expect(fs.existsSync(job()), `after step ${position}`).toBe(position === all.length - 1);
    }
    await source.close();
    await target.suspend();
    expect(readTree(job())).toEqual(summary(tree));
    expect(names()).toEqual(['job']);
  });

  test('killed after any step: what follows completes it', async () => {
    for (let killAfter = 0; killAfter <= 7; killAfter += 1) {
      fs.rmSync(world.target, { recursive: true });
      fs.rmSync(world.journalDir, { recursive: true });
      fs.mkdirSync(world.target);
      const source = await world.openSource();
      const target = await world.openTarget(options);
      for (const step of steps({ source, target }).slice(0, killAfter)) await step();
      await source.close();
      world.crash();
      expect((await transfer(world, {}, options)).fileErrors).toEqual([]);
      expect(readTree(job())).toEqual(summary(tree));
      expect(names()).toEqual(['job']);
    }
  });

  test('an empty directory gives way; anything else is a conflict that leaves it as it was', async () => {
    fs.mkdirSync(job(), { recursive: true });
    await transfer(world, {}, options);
    expect(readTree(job())).toEqual(summary(tree));
    const again = { ...options, transferId: 'aaaaaaaa' };
    expect(await codeOf(transfer(world, {}, again))).toBe('already_exists');
    expect(readTree(job())).toEqual(summary(tree));
    const never = { ...options, transferId: 'bbbbbbbb', overwriteMode: 3 };
    fs.rmSync(job(), { recursive: true });
    fs.mkdirSync(job());
    expect(await codeOf(transfer(world, {}, never))).toBe('already_exists');
  });

  test('what comes to the destination meanwhile is not lost', async () => {
    const source = await world.openSource();
    const target = await world.openTarget(options);
    const all = steps({ source, target });
    for (const step of all.slice(0, -1)) await step();
    fs.mkdirSync(job());
    fs.writeFileSync(path.join(job(), 'mine'), 'mine');
    expect(await codeOf(target.finish())).toBe('already_exists');
    await target.discard();
    await source.close();
    expect(readTree(job())).toEqual(summary({ mine: Buffer.from('mine') }));
    expect(names()).toEqual(['job']);
  });

  test('mode 5: what was there is kept under its backup name', async () => {
    fs.mkdirSync(job(), { recursive: true });
    fs.writeFileSync(path.join(job(), 'old'), 'old');
    await transfer(world, {}, { ...options, overwriteMode: 5 });
    expect(readTree(job())).toEqual(summary(tree));
    expect(readTree(`${job()}.jetbak`)).toEqual(summary({ old: Buffer.from('old') }));
  });

  test('a file that fails: nothing appears, and nothing is left', async () => {
    fs.rmSync(path.join(world.source, 'b'));
    const source = await world.openSource();
    const target = await world.openTarget(options);
    await sendEntries(source, target);
    await sendChunks(world, { source, target });
    const end = sendTrailers(source, target).then(() => target.finish());
    expect(await codeOf(end)).toBe('file_failed');
    await source.close();
    await target.discard();
    expect(names()).toEqual([]);
  });

  test('the root itself, and modes in place, are refused', async () => {
    expect(await codeOf(world.openTarget({ ...options, components: [] }))).toBe('peer_refused');
    expect(await codeOf(world.openTarget({ ...options, overwriteMode: 1 }))).toBe('peer_refused');
  });

  test('no file at all: an empty directory appears', async () => {
    world.make({});
    await transfer(world, {}, options);
    expect(readTree(job())).toEqual({});
    expect(names()).toEqual(['job']);
  });
});

describe('stopping at the first failure', () => {
  test('the transfer ends with a code of its own, and names the file', async () => {
    fs.rmSync(path.join(world.source, 'b'));
    const end = transfer(world, {}, { stopOnFileError: true });
    await expect(end).rejects.toMatchObject({
      code: 'file_failed',
      message: expect.stringContaining('"/b"') as string,
    });
  });

  test('without it the rest goes on', async () => {
    fs.rmSync(path.join(world.source, 'b'));
    const { fileErrors, files } = await transfer(world);
    expect(fileErrors.map(({ destPath, code }) => [destPath, code])).toEqual([
      ['/b', 'source_vanished'],
    ]);
    expect(files.filter(({ error }) => error === undefined)).toHaveLength(3);
  });
});
