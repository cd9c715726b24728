/** Power cuts at every kind of moment, on a disk that loses what was not synced. */
import type realFs from 'node:fs';
import {
  OVERWRITE_ALWAYS,
  OVERWRITE_BACKUP,
  OVERWRITE_IN_PLACE_ALWAYS,
  OVERWRITE_NEVER,
} from '@jetstream/contract';
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import type { CrashDisk } from './crash-disk.conformance.js';
import { CHUNK_BYTES, type ChunkRange, type TargetOptions } from './storage.js';
import {
  content,
  finalTree,
  type Summary,
  sendChunks,
  sendEntries,
  sendTrailers,
  summary,
  type Tree,
  World,
} from './storage-fixture.conformance.js';

const disk = await vi.hoisted(async () => {
  const { CrashDisk: Disk } = await import('./crash-disk.conformance.js');
  const real = await vi.importActual<{ default: typeof realFs }>('node:fs');
  return new Disk(real.default);
});

vi.mock('node:fs', () => {
  const fs = disk.watched();
  return { ...fs, default: fs };
});
// The addon would change the disk unseen.
vi.mock('../adapters/disk/native-file-system.js', () => ({ nativeFileSystem: () => null }));

const watched: CrashDisk = disk;

const tree: Tree = {
  'a/big': content(2 * CHUNK_BYTES + 100, 1),
  ...Object.fromEntries([...Array(8).keys()].map((n) => [`b/f${n}`, content(900 + n, n)])),
  'c/deep/empty': Buffer.alloc(0),
  'd/empty dir': null,
  'e/other': content(CHUNK_BYTES + 5000, 3),
};
/** What lies at the target before; of the same sizes, so that only content tells them apart. */
const old: Tree = {
  'a/big': content(2 * CHUNK_BYTES + 100, 11),
  'b/f1': content(901, 12),
  'b/mine': content(30, 13),
};

/** What was promised, and after how many changes of the disk. */
interface Promised {
  readonly at: number;
  readonly durable: readonly ChunkRange[];
}

interface Plan {
  readonly overwriteMode: number;
  readonly hasOld: boolean;
  /** Whether all is to appear at once, at `job`. */
  readonly isWhole: boolean;
  readonly checkpointEvery: number;
  readonly order: readonly number[];
  readonly isSlow: boolean;
  /** Attempts that do not know where the list ends before it does; later ones know all. */
  readonly openAttempts: number;
  /** Where the power fails, as a share of all changes; the second time while going on. */
  readonly cuts: readonly number[];
  readonly seed: number;
}

const dice = (seed: number): (() => number) => {
  let state = seed >>> 0 || 1;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
};

const optionsOf = ({ overwriteMode, isWhole }: Plan): Partial<TargetOptions> => ({
  overwriteMode,
  ...(isWhole ? { publishWhole: true, components: ['job'] } : {}),
});

/** Lets the source come to keep how far it is. */
const sourceKeeps = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 3));

/** Sends all that is missing and notes each promise; not every target comes to its end. */
const attempt = async (world: World, plan: Plan, isOpen = false): Promise<Promised[]> => {
  const promises: Promised[] = [];
  const source = await world.openSource({ keepEveryMs: 0 });
  const target = await world.openTarget({ ...optionsOf(plan), ...(isOpen ? OPEN : {}) });
  const note = (durable: readonly ChunkRange[]): void => {
    promises.push({ at: watched.changes, durable });
  };
  note(target.state.durable);
  await sendEntries(source, target);
  let sent = 0;
  const onChunk = async (): Promise<void> => {
    sent += 1;
    if (plan.isSlow) await sourceKeeps();
    if (sent % plan.checkpointEvery === 0) note(await target.checkpoint());
  };
  const last = world.chunks - 1;
  if (isOpen) {
    // The last chunk has no end before the list has.
    const order = plan.order.filter((chunk) => chunk !== last);
    await sendChunks(world, { source, target }, { order, onChunk });
    await target.endEntries({ files: world.totals.totalFiles, bytes: world.totals.totalBytes });
  }
  const order = isOpen ? [last] : plan.order;
  await sendChunks(world, { source, target }, { order, onChunk });
  await sendTrailers(source, target);
  note(await target.checkpoint());
  await target.finish();
  note([{ first: 0, end: world.chunks }]);
  await source.close();
  await target.suspend();
  return promises;
};

const OPEN = { totalFiles: null, totalBytes: null } as const;

const has = (ranges: readonly ChunkRange[], chunk: number): boolean =>
  ranges.some(({ first, end }) => first <= chunk && chunk < end);

const wholeSummary = (): Summary =>
  summary(Object.fromEntries(Object.entries(tree).map(([name, bytes]) => [`job/${name}`, bytes])));

/** No file under its final name holds anything but what was there or what was sent. */
const expectNoWrongFile = (world: World, plan: Plan): void => {
  if (plan.isWhole) {
    const seen = finalTree(world.target);
    const isThere = Object.keys(seen).some((name) => name.startsWith('job'));
    if (isThere) expect(seen).toEqual(wholeSummary());
    return;
  }
  const allowed = [summary(old), summary(tree)];
  for (const [name, what] of Object.entries(finalTree(world.target))) {
    const plain = name.replace(/\.jetbak$/, '');
    const wanted = allowed.flatMap((each) => (each[plain] === undefined ? [] : [each[plain]]));
    // A directory that is empty for now is on its way to hold something.
    if (what !== 'directory')
      expect(wanted, `${name} in mode ${plan.overwriteMode}`).toContain(what);
  }
};

const expectPromisesKept = async (
  world: World,
  plan: Plan,
  { kept, isOpen }: { readonly kept: readonly Promised[]; readonly isOpen: boolean },
): Promise<void> => {
  const target = await world.openTarget({ ...optionsOf(plan), ...(isOpen ? OPEN : {}) });
  for (const { durable } of kept) {
    for (let chunk = 0; chunk < world.chunks; chunk += 1) {
      const isPromised = has(durable, chunk);
      const isKept = target.state.complete !== null || has(target.state.durable, chunk);
      if (isPromised) expect(isKept, `chunk ${chunk} was promised`).toBe(true);
    }
  }
  await target.suspend();
};

const rootsOf = (world: World): string[] => [world.target, world.journalDir, world.keptDir];

const run = async (given: Plan): Promise<void> => {
  // A whole cannot be written in place.
  const plan = { ...given, isWhole: given.isWhole && given.overwriteMode >= OVERWRITE_NEVER };
  const world = new World();
  const chance = dice(plan.seed);
  const isInPlace = plan.overwriteMode === OVERWRITE_IN_PLACE_ALWAYS;
  try {
    world.make(tree);
    if (plan.hasOld && !plan.isWhole) world.fill(old);
    for (const [number, cut] of plan.cuts.entries()) {
      watched.watch(rootsOf(world));
      const isOpen = number < plan.openAttempts;
      const promises = await attempt(world, plan, isOpen);
      const after = Math.floor(watched.changes * cut);
      watched.crash(after, chance);
      world.crash();
      if (!isInPlace) expectNoWrongFile(world, plan);
      const kept = promises.filter(({ at }) => at <= after);
      watched.watch(rootsOf(world));
      await expectPromisesKept(world, plan, { kept, isOpen });
    }
    watched.watch(rootsOf(world));
    await attempt(world, plan, plan.cuts.length < plan.openAttempts);
    if (plan.isWhole) {
      expect(finalTree(world.target)).toEqual(wholeSummary());
      return;
    }
    const keepsOld = plan.hasOld && plan.overwriteMode === OVERWRITE_NEVER;
    const expected = plan.hasOld ? { ...old, ...tree, ...(keepsOld ? old : {}) } : tree;
    const final = Object.fromEntries(
      Object.entries(finalTree(world.target)).filter(([name]) => !name.endsWith('.jetbak')),
    );
    expect(final).toEqual(summary(expected));
  } finally {
    watched.unwatch();
    world.close();
  }
};

const shuffled = fc.shuffledSubarray([0, 1, 2, 3], { minLength: 4, maxLength: 4 });

/** Evenly from 0 to 1, which `fc.double` is not: most of its numbers are next to nothing. */
const share = fc.integer({ min: 0, max: 1000 }).map((thousandths) => thousandths / 1000);

const plans: fc.Arbitrary<Plan> = fc.record({
  overwriteMode: fc.constantFrom(
    OVERWRITE_ALWAYS,
    OVERWRITE_NEVER,
    OVERWRITE_BACKUP,
    OVERWRITE_IN_PLACE_ALWAYS,
  ),
  hasOld: fc.boolean(),
  isWhole: fc.boolean(),
  checkpointEvery: fc.integer({ min: 1, max: 5 }),
  order: fc.oneof(fc.constant([0, 1, 2, 3]), shuffled),
  isSlow: fc.boolean(),
  openAttempts: fc.integer({ min: 0, max: 4 }),
  cuts: fc.array(share, { minLength: 1, maxLength: 3 }),
  seed: fc.integer({ min: 1, max: 2 ** 31 }),
});

describe('power cuts', () => {
  test('property: at any moment, no wrong file and no broken promise; it completes afterwards', async () => {
    await fc.assert(fc.asyncProperty(plans, run), { numRuns: 120 });
  }, 90_000);
});
