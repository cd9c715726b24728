import fs from 'node:fs';
import path from 'node:path';
import { OVERWRITE_IN_PLACE_ALWAYS } from '@jetstream/contract';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AbandonedJournals } from './abandoned-journals.js';
import { createLocalStorage } from './local-storage.js';
import { CHUNK_BYTES, type TargetOptions } from './storage.js';
import {
  content,
  readTree,
  sendChunks,
  sendEntries,
  transfer,
  World,
} from './storage-fixture.conformance.js';

let world: World;
let journals: AbandonedJournals;
let opened: number;

beforeEach(() => {
  world = new World();
  opened = 0;
  journals = new AbandonedJournals({
    journalDir: world.journalDir,
    openStorage: (options) => {
      opened += 1;
      return Promise.resolve(createLocalStorage(options));
    },
  });
  world.make({
    'done.bin': content(1000),
    'dir/half.bin': content(3 * CHUNK_BYTES),
    'dir/none.bin': content(CHUNK_BYTES),
  });
});
afterEach(() => world.close());

/** Sends a part and breaks off. */
const half = async (more: Partial<TargetOptions> = {}): Promise<void> => {
  const source = await world.openSource();
  const target = await world.openTarget(more);
  await sendEntries(source, target);
  await sendChunks(world, { source, target }, { order: [0, 1] });
  await target.checkpoint();
  await target.suspend();
  await source.close();
};

const partFiles = (): string[] =>
  Object.keys(readTree(world.target)).filter((name) => name.includes('.jetpart-'));

describe('AbandonedJournals', () => {
  it('finds the journals, with the time of their last change', async () => {
    fs.mkdirSync(world.journalDir, { recursive: true });
    expect(await journals.list()).toEqual([]);
    await half();
    fs.mkdirSync(path.join(world.journalDir, 'something else'));
    const [found, ...others] = await journals.list();
    expect(others).toEqual([]);
    expect(found).toMatchObject({ transferId: '0123456789abcdef0123456789abcdef' });
    expect(Math.abs((found?.changedUs ?? 0) / 1000 - Date.now())).toBeLessThan(60_000);
  });

  it('removes part files wherever they lie, then the journal; nothing else', async () => {
    fs.writeFileSync(path.join(world.target, 'of-the-user.bin'), 'mine');
    await half();
    expect(partFiles().length).toBeGreaterThan(0);
    for (const journal of await journals.list()) await journals.discard(journal);
    await journals.rest();
    expect(Object.keys(readTree(world.target))).toEqual(['dir', 'of-the-user.bin']);
    expect(fs.readdirSync(world.journalDir)).toEqual([]);
  });

  it('removes those of a crash, which the journal has not got to know of', async () => {
    const source = await world.openSource();
    const target = await world.openTarget();
    await sendEntries(source, target);
    await target.checkpoint();
    await sendChunks(world, { source, target }, { order: [0, 1] });
    world.crash();
    expect(partFiles().length).toBeGreaterThan(0);
    for (const journal of await journals.list()) await journals.discard(journal);
    expect(partFiles()).toEqual([]);
  });

  it('keeps what is complete, and what was written in place', async () => {
    await transfer(world);
    const complete = readTree(world.target);
    for (const journal of await journals.list()) await journals.discard(journal);
    expect(readTree(world.target)).toEqual(complete);
    expect(await journals.list()).toEqual([]);
    await half({ transferId: 'aa'.repeat(16), overwriteMode: OVERWRITE_IN_PLACE_ALWAYS });
    const inPlace = readTree(world.target);
    for (const journal of await journals.list()) await journals.discard(journal);
    expect(readTree(world.target)).toEqual(inPlace);
  });

  it('keeps a journal whose files cannot be reached, and removes it when they can', async () => {
    await half();
    const away = `${world.target}-away`;
    fs.renameSync(world.target, away);
    const [journal] = await journals.list();
    if (journal === undefined) throw new Error('there is no journal');
    await expect(journals.discard(journal)).rejects.toThrow();
    expect(await journals.list()).toHaveLength(1);
    fs.renameSync(away, world.target);
    await journals.discard(journal);
    expect([partFiles(), await journals.list()]).toEqual([[], []]);
  });

  it.each([
    ['empty', Buffer.alloc(0)],
    ['torn', Buffer.from('0000002001abcdef', 'hex')],
  ])('removes a journal that is %s without a disk thread', async (_name, bytes) => {
    const directory = path.join(world.journalDir, `${'ab'.repeat(16)}-key`);
    fs.mkdirSync(directory, { recursive: true });
    fs.writeFileSync(path.join(directory, 'journal'), bytes);
    for (const journal of await journals.list()) await journals.discard(journal);
    expect(fs.readdirSync(world.journalDir)).toEqual([]);
    expect(opened).toBe(0);
  });
});
