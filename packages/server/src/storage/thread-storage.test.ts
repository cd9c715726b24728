import fs from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CHUNK_BYTES, SLOT_BYTES as SLOT } from './storage.js';
import { content, readTree, summary, transfer, World } from './storage-fixture.conformance.js';
import type { openThreadStorage } from './thread-storage.js';

// A thread starts from a compiled file, so this needs the build.
const compiled = new URL('../../dist/storage/thread-storage.js', import.meta.url);
const isBuilt = fs.existsSync(compiled);
if (!isBuilt) console.warn('the server is not built: the disk thread is not tested');

interface Compiled {
  readonly openThreadStorage: typeof openThreadStorage;
}

let world: World;
beforeEach(async () => {
  world = new World();
  const { openThreadStorage: open } = (await import(compiled.href)) as Compiled;
  world.storage = await open({ arena: world.arena });
});
afterEach(async () => {
  await world.storage.stop();
  world.close();
});

describe.runIf(isBuilt)('disk thread', () => {
  test('round trip: payload through the arena, all else by message', async () => {
    const tree = {
      big: content(2 * CHUNK_BYTES + 9),
      'many/a': content(100, 2),
      'many/b': content(200, 3),
      empty: Buffer.alloc(0),
      'empty dir': null,
    };
    world.make(tree);
    const result = await transfer(world, { checkpointEvery: 2 });
    expect(result.fileErrors).toEqual([]);
    expect(result.files.length).toBe(5);
    expect(readTree(world.target)).toEqual(summary(tree));
  });

  test('calls made together are answered each with its own, whatever becomes of the others', async () => {
    const file = content(4 * CHUNK_BYTES - 7);
    world.make({ file });
    const source = await world.openSource();
    const block = await source.nextEntries();
    const reads = [3, 99, 0, 2, 1].map((chunk, slot) => source.readChunk(chunk, (slot % 4) * SLOT));
    const answers = await Promise.allSettled([...reads.slice(0, 4), source.totals()]);
    expect(block?.files).toBe(1);
    expect(answers.map(({ status }) => status)).toEqual([
      'fulfilled',
      'rejected',
      'fulfilled',
      'fulfilled',
      'fulfilled',
    ]);
    await expect(reads[4]).resolves.toBe(CHUNK_BYTES);
    for (const [slot, chunk] of [[0, 1] as const, [2, 0] as const, [3, 2] as const]) {
      const start = chunk * CHUNK_BYTES;
      const expected = file.subarray(start, start + CHUNK_BYTES);
      expect(Buffer.from(world.arena, slot * SLOT, CHUNK_BYTES).equals(expected)).toBe(true);
    }
    await source.close();
  });

  test('errors keep their code; closing twice is no fault; after stop every call fails', async () => {
    world.make({ a: content(5) });
    const target = await world.openTarget();
    await expect(world.openTarget()).rejects.toMatchObject({
      name: 'StorageError',
      code: 'conflict',
    });
    await expect(target.addEntries(Uint8Array.of(9))).rejects.toMatchObject({
      code: 'peer_refused',
    });
    await target.discard();
    await target.suspend();
    await expect(target.checkpoint()).rejects.toMatchObject({ code: 'internal' });
    const source = await world.openSource();
    const waiting = expect(source.nextTrailers()).rejects.toMatchObject({ code: 'cancelled' });
    await world.storage.stop();
    await waiting;
    await expect(source.readChunk(0, 0)).rejects.toBeInstanceOf(Error);
    await world.storage.stop();
  });
});
