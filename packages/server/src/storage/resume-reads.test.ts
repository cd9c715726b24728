/** A break costs no second reading: what is durable is neither read nor hashed again at either end. */

import fs from 'node:fs';
import path from 'node:path';
import { loadNativeHash } from '@jetstream/udp';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { HashMemory } from './hash-memory.js';
import { CHUNK_BYTES, type Source, type Target } from './storage.js';
import {
  content,
  finalTree,
  keepingTimes,
  receiptFiles,
  sendChunks,
  sendEntries,
  sendTrailers,
  summary,
  type Tree,
  World,
} from './storage-fixture.conformance.js';

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(() => {
  vi.restoreAllMocks();
  world.close();
});

const BIG_CHUNKS = 12;
const tree: Tree = {
  'a/before': content(3000, 1),
  'a/big': content(BIG_CHUNKS * CHUNK_BYTES + 100, 2),
  'b/after': content(5000, 3),
};
/** Every chunk but the last ones. */
const first = (count: number): number[] => [...Array(count).keys()];

interface Ends {
  readonly source: Source;
  readonly target: Target;
}

const open = async (): Promise<Ends> => ({
  source: await world.openSource({ keepEveryMs: 0 }),
  target: await world.openTarget(),
});

/** Counts what is read of files below a directory from now on. */
const countReads = (): ((directory: string) => number) => {
  const reads: [file: string, bytes: number][] = [];
  const real = fs.readSync;
  vi.spyOn(fs, 'readSync').mockImplementation(((fd: number, ...rest: [Buffer]) => {
    const bytes = real(fd, ...rest);
    reads.push([fs.readlinkSync(`/proc/self/fd/${fd}`), bytes]);
    return bytes;
  }) as typeof fs.readSync);
  return (directory) =>
    reads.filter(([file]) => file.startsWith(`${directory}/`)).reduce((sum, [, n]) => sum + n, 0);
};

/** Sends the first chunks, in order, so that the source comes to keep how far it is. */
const sendFirst = async ({ source, target }: Ends, count: number): Promise<void> => {
  await sendEntries(source, target);
  await sendChunks(world, { source, target }, { order: first(count) });
};

/** Waits until the source has kept how far it is inside the big file. */
const sourceHasKept = (): Promise<void> =>
  vi.waitFor(
    () => {
      const fd = fs.openSync(path.join(world.keptDir, 'digests'), 'r');
      const [kept] = new HashMemory(fd).load();
      fs.closeSync(fd);
      expect(kept?.offset).toBeGreaterThan(7 * CHUNK_BYTES - 3000);
    },
    { timeout: 10_000, interval: 5 },
  );

/** All that follows a break. */
const complete = async ({ source, target }: Ends): Promise<void> => {
  await sendEntries(source, target);
  await sendChunks(world, { source, target });
  await sendTrailers(source, target);
  expect((await target.finish()).fileErrors).toEqual([]);
};

const expectSound = async ({ source, target }: Ends): Promise<void> => {
  expect(finalTree(world.target)).toEqual(summary(tree));
  const sent = await receiptFiles(world, source, 'sender');
  expect(sent).toEqual(await receiptFiles(world, target, 'receiver'));
};

describe.skipIf(loadNativeHash() === null)('after a break', () => {
  test.each(['killed', 'closed'] as const)(
    'receiver %s: nothing that was durable is read back',
    async (how) => {
      world.make(tree);
      const { source, target } = await open();
      await sendFirst({ source, target }, 8);
      await target.checkpoint();
      await sendChunks(world, { source, target }, { order: [8, 9] });
      if (how === 'closed') await target.suspend();
      else world.crash();
      const again = await world.openTarget();
      const durable = how === 'closed' ? 10 : 8;
      expect(again.state.durable).toEqual([{ first: 0, end: durable }]);
      const read = countReads();
      await source.close();
      // The small file in front is hashed again, which costs less than to keep its digest.
      await expect.poll(() => read(world.target)).toBe(3000);
      const ends = { source: await world.openSource(), target: again };
      await complete(ends);
      expect(read(world.target)).toBe(3000);
      await expectSound(ends);
      await again.suspend();
    },
  );

  test.each(['killed', 'closed'] as const)(
    'sender %s: what the receiver has is not read again',
    async (how) => {
      world.make(tree);
      const { source, target } = await open();
      await sendFirst({ source, target }, 8);
      await target.checkpoint();
      await sourceHasKept();
      if (how === 'closed') await source.close();
      await target.suspend();
      const read = countReads();
      const ends = await open();
      const begun = read(world.source);
      expect(begun).toBe(0);
      await complete(ends);
      const rest = world.totals.totalBytes - 8 * CHUNK_BYTES;
      // What was hashed since the point was kept is read again, here no more than one chunk.
      expect(read(world.source)).toBeLessThanOrEqual(rest + CHUNK_BYTES);
      expect(read(world.source)).toBeGreaterThanOrEqual(rest);
      await expectSound(ends);
      await ends.source.close(true);
      await ends.target.suspend();
    },
  );

  test('sender: a file that is another one now is hashed anew, and completes when it is equal', async () => {
    world.make(tree);
    const { source, target } = await open();
    await sendFirst({ source, target }, 8);
    await source.close();
    await target.suspend();
    const file = path.join(world.source, 'a/big');
    keepingTimes(file, () => {
      fs.copyFileSync(file, `${file}.copy`);
      fs.renameSync(`${file}.copy`, file);
    });
    world.list(Object.keys(tree));
    const read = countReads();
    const ends = await open();
    await complete(ends);
    expect(read(world.source)).toBeGreaterThanOrEqual(BIG_CHUNKS * CHUNK_BYTES);
    await expectSound(ends);
    await ends.source.close(true);
    await ends.target.suspend();
  });

  test('receiver killed: a file whose content another one has taken is named, not trusted', async () => {
    world.make(tree);
    const { source, target } = await open();
    await sendFirst({ source, target }, 8);
    await target.checkpoint();
    world.crash();
    const directory = path.join(world.target, 'a');
    const name = fs.readdirSync(directory).find((each) => each.endsWith('-1')) ?? '';
    const bytes = fs.readFileSync(path.join(directory, name));
    bytes.fill(7, 1000, 2000);
    fs.writeFileSync(path.join(directory, 'other'), bytes, { mode: 0o600 });
    fs.renameSync(path.join(directory, 'other'), path.join(directory, name));
    const again = await world.openTarget();
    await source.close();
    const next = await world.openSource();
    await sendEntries(next, again);
    await sendChunks(world, { source: next, target: again });
    await sendTrailers(next, again);
    const { fileErrors } = await again.finish();
    expect(fileErrors).toMatchObject([{ destPath: '/a/big', code: 'integrity_failed' }]);
    await next.close();
    await again.suspend();
  });

  test('receiver: a kept state is not believed beyond the chunks that are durable', async () => {
    world.make(tree);
    const { source, target } = await open();
    await sendFirst({ source, target }, 4);
    await target.checkpoint();
    await sendChunks(world, { source, target }, { order: [4, 5, 6, 7] });
    await target.checkpoint();
    await source.close(true);
    world.crash();
    const [directory = ''] = fs.readdirSync(world.journalDir);
    const journal = path.join(world.journalDir, directory, 'journal');
    const last = fs.readFileSync(journal).indexOf('{"durable":[[4,8]]');
    expect(last).toBeGreaterThan(0);
    fs.truncateSync(journal, last - 5);
    // What comes instead of the lost chunks is another content.
    const changed = Buffer.from(tree['a/big'] as Buffer);
    changed.fill(9, 5 * CHUNK_BYTES, 5 * CHUNK_BYTES + 10);
    const file = path.join(world.source, 'a/big');
    keepingTimes(file, () => fs.writeFileSync(file, changed));
    world.list(Object.keys(tree));
    const again = await world.openTarget();
    expect(again.state.durable).toEqual([{ first: 0, end: 4 }]);
    const next = await world.openSource();
    await complete({ source: next, target: again });
    expect(finalTree(world.target)).toEqual(summary({ ...tree, 'a/big': changed }));
    await next.close(true);
    await again.suspend();
  });

  test('a whole file whose record had not come: its digest is kept', async () => {
    world.make(tree);
    const { source, target } = await open();
    await sendEntries(source, target);
    await sendChunks(world, { source, target });
    await target.checkpoint();
    world.crash();
    const again = await world.openTarget();
    const read = countReads();
    await sendTrailers(source, again);
    expect((await again.finish()).fileErrors).toEqual([]);
    // The two small ones are hashed again.
    expect(read(world.target)).toBeLessThanOrEqual(8000);
    expect(finalTree(world.target)).toEqual(summary(tree));
    await source.close();
    await again.suspend();
  });

  test('a file that changed at the source after it was hashed is named by the next attempt', async () => {
    world.make(tree);
    const { source, target } = await open();
    await sendEntries(source, target);
    const order = [0, 1];
    await sendChunks(world, { source, target }, { order });
    fs.appendFileSync(path.join(world.source, 'a/before'), 'more');
    await target.checkpoint();
    await source.close();
    await target.discard();
    const ends = await open();
    await sendEntries(ends.source, ends.target);
    await expect(sendChunks(world, ends)).rejects.toMatchObject({ code: 'source_changed' });
    await ends.source.close();
    const last = { source: await world.openSource(), target: ends.target };
    await sendChunks(world, last);
    await sendTrailers(last.source, last.target);
    const { fileErrors } = await last.target.finish();
    expect(fileErrors).toMatchObject([{ destPath: '/a/before', code: 'source_changed' }]);
    await last.source.close();
    await last.target.suspend();
  });
});
