import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../adapters/clock/manual-clock.js';
import type { ReceiveOffer } from '../data/data-plane.js';
import type { TargetOptions } from '../storage/storage.js';
import { content, sendChunks, sendEntries, World } from '../storage/storage-fixture.conformance.js';
import { DomainLab, peerOf } from '../transfers/domain-lab.conformance.js';
import { PARTS_GRACE_DAYS, PARTS_SETTLE_MINUTES } from './receive-garbage.js';

const DAY_MS = 86_400_000;
const TOKEN = 'js1.id.secret';
const ID = 'ab'.repeat(16);

let lab: DomainLab;
let world: World;

beforeEach(async () => {
  // Journals without a record go by the time of their files.
  lab = await DomainLab.open({}, new ManualClock(Date.now() * 1000));
  lab.uploadTokens.set(TOKEN, lab.tokenCaller('upload'));
  world = new World();
  world.make({ 'a.bin': content(1000), 'b.bin': content(700_000) });
});
afterEach(async () => {
  world.close();
  await lab.close();
});

const offerOf = (): ReceiveOffer => ({
  transferId: ID,
  peer: peerOf(1),
  token: TOKEN,
  destinationPath: '/in',
  overwriteMode: 4,
  checkpointSeconds: 5,
  transferFlags: 3,
  ...world.totals,
});

const incoming = (): string => path.join(lab.dir, 'state', 'incoming');
const targetDir = (): string => path.join(lab.dir, 'in');

/** Receives a part, as the data plane does. */
const receivePart = async (): Promise<void> => {
  const decision = await lab.plane.events.receiveOffered(offerOf());
  if (!decision.accepted) throw new Error(decision.message);
  const { root, components } = decision;
  const place: Partial<TargetOptions> = { root, components, journalDir: incoming() };
  const source = await world.openSource();
  const target = await world.openTarget({ transferId: ID, ...place });
  await sendEntries(source, target);
  await sendChunks(world, { source, target }, { order: [1] });
  await target.checkpoint();
  await target.suspend();
  await source.close();
};

const parts = (): number =>
  fs.readdirSync(targetDir()).filter((name) => name.startsWith('.jetpart-')).length;

const state = (): { parts: number; journals: number } => ({
  parts: parts(),
  journals: fs.readdirSync(incoming()).length,
});
const KEPT = { parts: 1, journals: 1 };
const GONE = { parts: 0, journals: 0 };

const interrupt = async (): Promise<void> => {
  lab.plane.events.receiveEnded(ID, { kind: 'interrupted', message: 'broke' });
  await lab.settled();
};
const fail = async (): Promise<void> => {
  lab.plane.events.receiveEnded(ID, { kind: 'failed', code: 'disk_full', message: 'full' });
  await lab.settled();
};

describe('attack 19 (iroh-blobs#235): part files', () => {
  it('stay while a transfer arrives, however old it is, and whoever forces', async () => {
    await receivePart();
    lab.clock.advance(100 * DAY_MS);
    await lab.settled();
    expect(await lab.collect({ force: true })).toMatchObject({ partialTransfers: 0 });
    expect(state()).toEqual(KEPT);
  });

  it('stay as long as the sender of a broken transfer may come back, over restarts', async () => {
    await receivePart();
    await interrupt();
    for (let day = 1; day < PARTS_GRACE_DAYS; day += 1) {
      await lab.restart();
      lab.clock.advance(DAY_MS);
      await lab.settled();
      await lab.collect({ force: true });
      expect(state()).toEqual(KEPT);
    }
    const again = await lab.plane.events.receiveOffered(offerOf());
    expect(again.accepted).toBe(true);
    await interrupt();
    lab.clock.advance(DAY_MS);
    await lab.settled();
    await lab.collect({ force: true });
    expect(state()).toEqual(KEPT);
  });

  it('go when nobody has come back for eight days', async () => {
    await receivePart();
    await interrupt();
    lab.clock.advance((PARTS_GRACE_DAYS - 1) * DAY_MS);
    await lab.settled();
    await lab.collect();
    expect(state()).toEqual(KEPT);
    lab.clock.advance(DAY_MS + 3_600_000);
    await lab.settled();
    expect(await lab.collect({ dryRun: true })).toMatchObject({ partialTransfers: 1 });
    expect(state()).toEqual(KEPT);
    expect(await lab.collect()).toMatchObject({ partialTransfers: 1 });
    expect(state()).toEqual(GONE);
    expect(await lab.collect()).toMatchObject({ partialTransfers: 0 });
  });

  it('of a failed transfer go after eight days, or by force when the files are closed', async () => {
    await receivePart();
    await fail();
    lab.clock.advance((PARTS_SETTLE_MINUTES - 1) * 60_000);
    await lab.collect({ force: true });
    expect(state()).toEqual(KEPT);
    lab.clock.advance(2 * 60_000);
    await lab.collect();
    expect(state()).toEqual(KEPT);
    expect(await lab.collect({ force: true })).toMatchObject({ partialTransfers: 1 });
    expect(state()).toEqual(GONE);
  });

  it('go without a record, too, by the age of the journal', async () => {
    await receivePart();
    await fail();
    lab.clock.advance(3 * DAY_MS);
    expect(await lab.collect()).toMatchObject({ receivedTransfers: 1, partialTransfers: 0 });
    expect(state()).toEqual(KEPT);
    lab.clock.advance((PARTS_GRACE_DAYS - 3) * DAY_MS + 60_000);
    expect(await lab.collect()).toMatchObject({ receivedTransfers: 0, partialTransfers: 1 });
    expect(state()).toEqual(GONE);
  });

  it('are not removed under an offer that comes at the same moment', async () => {
    await receivePart();
    await fail();
    lab.clock.advance(PARTS_GRACE_DAYS * DAY_MS);
    const [decision] = await Promise.all([
      lab.plane.events.receiveOffered(offerOf()),
      lab.collect({ force: true }),
    ]);
    expect(decision.accepted).toBe(true);
    expect(state()).toEqual(KEPT);
    expect((await lab.eventsOf('receiveDeleted')).length).toBe(0);
  });
});
