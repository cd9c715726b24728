/** What fails or ends leaves no open file, and closes none twice. */
import fs from 'node:fs';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { CHUNK_BYTES } from './storage.js';
import {
  content,
  sendChunks,
  sendEntries,
  type Tree,
  World,
} from './storage-fixture.conformance.js';

const tree: Tree = { 'a/big': content(2 * CHUNK_BYTES + 100, 1), b: content(3000, 2) };
let world: World;

beforeEach(() => {
  world = new World();
  world.make(tree);
});
afterEach(() => {
  vi.restoreAllMocks();
  world.close();
});

const openFiles = (): number => fs.readdirSync('/proc/self/fd').length;

const diskError = (code: string): Error => Object.assign(new Error(code), { code });

/** A target with content of the first chunk. */
const begun = async () => {
  const target = await world.openTarget();
  const source = await world.openSource();
  await sendEntries(source, target);
  await sendChunks(world, { source, target }, { order: [0] });
  await source.close();
  return target;
};

describe('a target', () => {
  test('that cannot be opened again leaves nothing open', async () => {
    await (await begun()).suspend();
    const before = openFiles();
    const other = world.openTarget({ totalFiles: 3 });
    await expect(other).rejects.toMatchObject({ code: 'conflict' });
    for (const call of ['readSync', 'ftruncateSync'] as const) {
      vi.spyOn(fs, call).mockImplementationOnce(() => {
        throw diskError('EIO');
      });
      await expect(world.openTarget()).rejects.toMatchObject({ code: 'io_error' });
    }
    expect(openFiles()).toBe(before);
    await (await world.openTarget()).discard();
  });

  test('that is ended from several sides closes each file once', async () => {
    const before = openFiles();
    for (const ends of [
      ['suspend', 'suspend'],
      ['discard', 'suspend'],
      ['suspend', 'discard'],
    ]) {
      const target = await begun();
      const ending = ends.map((end) => target[end as 'discard' | 'suspend']());
      await Promise.all([...ending, world.storage.stop()]);
      expect(openFiles()).toBe(before);
      await (await world.openTarget()).discard();
    }
  });

  test('whose part files cannot be removed is let go, and known to its journal', async () => {
    const target = await begun();
    vi.spyOn(fs, 'unlinkSync').mockImplementation(() => {
      throw diskError('EIO');
    });
    const before = openFiles();
    await target.discard().catch(() => undefined);
    vi.restoreAllMocks();
    expect(openFiles()).toBeLessThan(before);
    await (await world.openTarget()).discard();
    expect(fs.readdirSync(world.journalDir)).toEqual([]);
  });
});

describe('a source', () => {
  const digests = (): string => `${world.keptDir}/digests`;

  test('that cannot be opened leaves nothing open, and what was kept stays', async () => {
    const first = await world.openSource();
    await first.nextEntries();
    await first.readChunk(0, 0);
    await first.close();
    const before = openFiles();
    const kept = fs.readFileSync(digests());
    const isDigests = (place: unknown): boolean => {
      const file = typeof place === 'number' ? fs.readlinkSync(`/proc/self/fd/${place}`) : place;
      return file === digests();
    };
    for (const call of ['openSync', 'fstatSync', 'readSync'] as const) {
      const real = fs[call] as (...args: unknown[]) => unknown;
      vi.spyOn(fs, call).mockImplementation(((...args: unknown[]) => {
        if (isDigests(args[0])) throw diskError('EIO');
        return real(...args);
      }) as never);
      await expect(world.openSource()).rejects.toThrow('EIO');
      vi.restoreAllMocks();
    }
    expect(openFiles()).toBe(before);
    expect(fs.readFileSync(digests())).toEqual(kept);
  });

  test('that cannot keep its digests at the end lets go of its files nevertheless', async () => {
    const before = openFiles();
    const source = await world.openSource();
    await source.nextEntries();
    await source.readChunk(0, 0);
    vi.spyOn(fs, 'writeSync').mockImplementation(() => {
      throw diskError('ENOSPC');
    });
    await expect(source.close()).rejects.toThrow('ENOSPC');
    vi.restoreAllMocks();
    expect(openFiles()).toBe(before);
  });
});
