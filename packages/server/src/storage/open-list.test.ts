/** Transfers whose file list has no known end yet, from the growing list to the published files. */
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { encodeEntries } from './hostile-entries.conformance.js';
import { GROUP_ENTRIES, type ManifestEntry } from './list-format.js';
import { ManifestListWriter } from './manifest-list.js';
import { CHUNK_BYTES, SLOT_BYTES, type Source, type Target } from './storage.js';
import {
  content,
  finalTree,
  readTree,
  sendEntries,
  sendTrailers,
  summary,
  World,
} from './storage-fixture.conformance.js';

const OPEN = { totalFiles: null, totalBytes: null } as const;
const SIZE = 1500;
let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(() => world.close());

const nameOf = (index: number): string => `d${index % 5}/f${index}`;

/** Makes source files and adds them to a list. */
const list = (writer: ManifestListWriter, first: number, end: number): void => {
  for (let index = first; index < end; index += 1) {
    const name = nameOf(index);
    const file = path.join(world.source, name);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, content(SIZE, index % 11));
    const { mtimeNs } = fs.statSync(file, { bigint: true });
    const entry: ManifestEntry = {
      ...{ kind: 'file', root: 0, source: name, destPath: `/${name}` },
      ...{ size: SIZE, mtimeus: Number(mtimeNs / 1000n), mode: 0o644 },
    };
    writer.append(entry);
  }
};

const treeOf = (files: number) =>
  summary(
    Object.fromEntries(
      [...Array(files).keys()].map((index) => [nameOf(index), content(SIZE, index % 11)]),
    ),
  );

const carry = async (source: Source, target: Target, chunk: number): Promise<void> => {
  const slot = (chunk % 4) * SLOT_BYTES;
  const length = await source.readChunk(chunk, slot);
  expect(await target.writeChunk(chunk, slot, length)).toBe('written');
};

const sendRest = async (source: Source, target: Target, firstChunk: number): Promise<void> => {
  await sendEntries(source, target);
  const totals = await source.totals();
  if (totals === null) throw new Error('the list has no end');
  await target.endEntries(totals);
  const chunks = Math.ceil(totals.bytes / CHUNK_BYTES);
  for (let chunk = firstChunk; chunk < chunks; chunk += 1) await carry(source, target, chunk);
  await sendTrailers(source, target);
};

describe('an open list', () => {
  const FILES = GROUP_ENTRIES * 3 + 17;

  test('files are published before the list has come to its end', async () => {
    const writer = ManifestListWriter.create(world.listPath, [world.source]);
    const source = await world.openSource({ ...OPEN, lookEveryMs: 1 });
    const target = await world.openTarget(OPEN);
    const first = source.nextEntries();
    list(writer, 0, GROUP_ENTRIES + 1);
    writer.announce();
    const block = await first;
    expect(block).toMatchObject({ files: GROUP_ENTRIES, endByte: GROUP_ENTRIES * SIZE });
    expect(await target.addEntries(block?.bytes ?? new Uint8Array())).toEqual({
      files: GROUP_ENTRIES,
      endByte: GROUP_ENTRIES * SIZE,
    });
    await carry(source, target, 0);
    // A chunk that the list may still add to cannot be cut yet.
    await expect(source.readChunk(1, 0)).rejects.toMatchObject({ code: 'internal' });
    await expect(target.writeChunk(1, 0, 5)).rejects.toMatchObject({ code: 'internal' });
    const records = await source.nextTrailers();
    await target.addTrailers(records?.bytes ?? new Uint8Array());
    await target.checkpoint();
    expect(await source.totals()).toBeNull();
    expect(Object.keys(finalTree(world.target)).length).toBeGreaterThan(100);
    await expect(target.finish()).rejects.toMatchObject({ code: 'conflict' });

    list(writer, GROUP_ENTRIES + 1, FILES);
    writer.finish();
    await sendRest(source, target, 1);
    expect(await target.finish()).toEqual({ fileErrors: [], verified: 'chunks' });
    expect(readTree(world.target)).toEqual(treeOf(FILES));
    await source.close(true);
    await target.suspend();
  });

  test.each([
    ['open again', OPEN],
    ['with totals', { totalFiles: FILES, totalBytes: FILES * SIZE }],
  ])(
    'both ends killed while it grows: goes on %s, nothing durable is sent again',
    async (_, offer) => {
      const writer = ManifestListWriter.create(world.listPath, [world.source]);
      list(writer, 0, GROUP_ENTRIES * 2 + 1);
      writer.announce();
      const source = await world.openSource({ ...OPEN, keepEveryMs: 0, lookEveryMs: 1 });
      const target = await world.openTarget(OPEN);
      await target.addEntries((await source.nextEntries())?.bytes ?? new Uint8Array());
      await carry(source, target, 0);
      await target.checkpoint();
      world.crash();

      const known: string[] = [];
      const again = ManifestListWriter.resume(world.listPath, [world.source], ({ destPath }) => {
        known.push(destPath);
      });
      expect(known.length).toBeGreaterThanOrEqual(GROUP_ENTRIES * 2);
      list(again, known.length, FILES);
      again.finish();
      const next = await world.openTarget(offer);
      expect(next.state).toMatchObject({
        durable: [{ first: 0, end: 1 }],
        listedBytes: GROUP_ENTRIES * 2 * SIZE,
      });
      const resumed = await world.openSource({ ...offer, lookEveryMs: 1 });
      resumed.skip(next.state.durable);
      await sendRest(resumed, next, 1);
      expect((await next.finish()).fileErrors).toEqual([]);
      expect(readTree(world.target)).toEqual(treeOf(FILES));
      await resumed.close(true);
      await next.suspend();
    },
  );

  test('rewind: list and records come again from their start, calls that waited get null', async () => {
    const writer = ManifestListWriter.create(world.listPath, [world.source]);
    list(writer, 0, GROUP_ENTRIES + 1);
    writer.announce();
    const source = await world.openSource({ ...OPEN, lookEveryMs: 1 });
    const first = await source.nextEntries();
    await source.readChunk(0, 0);
    const records = await source.nextTrailers();
    const waiting = [source.nextEntries(), source.nextTrailers()];
    source.rewind();
    expect(await Promise.all(waiting)).toEqual([null, null]);
    expect(await source.nextEntries()).toEqual(first);
    expect(await source.nextTrailers()).toEqual(records);
    await source.close(true);
    writer.abort();
  });
});

describe('a sender that lies about an open list', () => {
  const entry = (name: string, size = 0) => ({ path: name, kind: 0 as const, size });
  const opened = async (): Promise<Target> => {
    const target = await world.openTarget(OPEN);
    await target.addEntries(encodeEntries([entry('/a'), entry('/b', 10)]));
    return target;
  };

  test.each([
    { files: 1, bytes: 10 },
    { files: 3, bytes: 10 },
    { files: 2, bytes: 9 },
    { files: 2, bytes: Number.MAX_SAFE_INTEGER },
    { files: 0, bytes: 0 },
  ])('an end that is not where it says: %j', async (totals) => {
    const target = await opened();
    await expect(target.endEntries(totals)).rejects.toMatchObject({ code: 'peer_refused' });
    // Nothing is promised after a lie.
    await expect(target.checkpoint()).rejects.toMatchObject({ code: 'peer_refused' });
    await target.discard();
    expect(readTree(world.target)).toEqual({});
  });

  test('entries after the end, and another end', async () => {
    const target = await opened();
    await target.endEntries({ files: 2, bytes: 10 });
    await target.endEntries({ files: 2, bytes: 10 });
    const more = encodeEntries([entry('/c')], 2);
    await expect(target.addEntries(more)).rejects.toMatchObject({ code: 'peer_refused' });
    await target.discard();
    const other = await opened();
    await other.endEntries({ files: 2, bytes: 10 });
    await expect(other.endEntries({ files: 1, bytes: 0 })).rejects.toMatchObject({
      code: 'peer_refused',
    });
    await other.discard();
  });

  test('sizes that add up to more than can be counted', async () => {
    const target = await opened();
    const huge = encodeEntries([entry('/huge', Number.MAX_SAFE_INTEGER)], 2);
    await expect(target.addEntries(huge)).rejects.toMatchObject({ code: 'peer_refused' });
    await target.discard();
  });

  test('comes back with totals that do not hold what is here, or with another end', async () => {
    const target = await opened();
    await target.suspend();
    const fewer = world.openTarget({ totalFiles: 1, totalBytes: 0 });
    await expect(fewer).rejects.toMatchObject({ code: 'peer_refused' });
    const ended = await world.openTarget(OPEN);
    await ended.endEntries({ files: 2, bytes: 10 });
    await ended.suspend();
    const other = world.openTarget({ totalFiles: 3, totalBytes: 11 });
    await expect(other).rejects.toMatchObject({ code: 'peer_refused' });
    const same = await world.openTarget(OPEN);
    expect(same.state.totals).toEqual({ files: 2, bytes: 10 });
    await same.discard();
  });

  test('takes back the totals that it began with, or names one of them only', async () => {
    const target = await world.openTarget({ totalFiles: 2, totalBytes: 10 });
    await target.suspend();
    await expect(world.openTarget(OPEN)).rejects.toMatchObject({ code: 'conflict' });
    const half = world.openTarget({ totalFiles: 2, totalBytes: null });
    await expect(half).rejects.toMatchObject({ code: 'peer_refused' });
  });

  test('the end with nothing before it is an empty transfer', async () => {
    const target = await world.openTarget(OPEN);
    await target.endEntries({ files: 0, bytes: 0 });
    expect(await target.finish()).toEqual({ fileErrors: [], verified: 'chunks' });
    await target.suspend();
  });
});
