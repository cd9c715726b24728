/** SIGKILL at either end in the middle of a transfer: it goes on after the restart. */
import type { Api } from '@jetstream/client';
import type { TransferStructure } from '@jetstream/contract';
import { expect, it } from 'vitest';
import { differences, makeSampleTree, readTree } from '../../scripts/sample-tree.js';
import type { ServerProcess } from '../../scripts/server-process.js';
import {
  awaitComplete,
  awaitDurable,
  type Lab,
  openLab,
  orderTransfer,
  sentAgainOf,
  sentBytesOf,
} from './servers.js';

const BIG_FILE_BYTES = 96 * 1024 * 1024;
/** Slow enough (about 5 s for the file) that the crash comes in the middle. */
const SEND_RATE_MAX_KBPS = 160_000;
const CRASH_AFTER_BYTES = 24 * 1024 * 1024;

interface Running {
  readonly paris: ServerProcess;
  readonly tokyo: ServerProcess;
  readonly sender: Api;
  readonly source: string;
  readonly target: string;
  readonly transferId: string;
  /** As it was shortly before the crash. */
  readonly halfway: TransferStructure;
}

/** Brings a transfer to the point where a good part of it is durable. */
async function startHalfway(lab: Lab): Promise<Running> {
  const paris = await lab.start('paris');
  const tokyo = await lab.start('tokyo');
  const sender = await lab.login(paris);
  const receiver = await lab.login(tokyo);
  const source = lab.path('source');
  const target = lab.path('target');
  await makeSampleTree(source, { bigFileBytes: BIG_FILE_BYTES, smallFileCount: 200 });
  const { transferId } = await orderTransfer({
    sender,
    receiver,
    receivingServer: tokyo,
    source,
    target,
    sendRateMax: SEND_RATE_MAX_KBPS,
  });
  const halfway = await awaitDurable(sender, transferId, CRASH_AFTER_BYTES);
  return { paris, tokyo, sender, source, target, transferId, halfway };
}

/** What was missing was sent, and what was durable at the crash was not sent again. */
function expectResumed(done: TransferStructure, halfway: TransferStructure): void {
  const totalBytes = done.totalBytes ?? 0;
  expect(sentBytesOf(done)).toBeGreaterThanOrEqual(totalBytes - CRASH_AFTER_BYTES);
  expect(sentAgainOf(done, halfway)).toBeLessThan(CRASH_AFTER_BYTES / 2);
}

it('completes after the receiver was killed and restarted, without sending all again', async () => {
  await using lab = openLab();
  const running = await startHalfway(lab);
  const { paris, tokyo, sender, source, target, transferId, halfway } = running;

  await tokyo.kill();
  const restarted = await lab.restart(tokyo);
  const done = await awaitComplete(sender, transferId, [paris, restarted]);

  expect(differences(await readTree(source), await readTree(`${target}/tree`))).toEqual([]);
  expectResumed(done, halfway);
});

it('completes after the sender was killed and restarted', async () => {
  await using lab = openLab();
  const { paris, tokyo, source, target, transferId, halfway } = await startHalfway(lab);

  await paris.kill();
  const restarted = await lab.restart(paris);
  const sender = await lab.login(restarted);
  const done = await awaitComplete(sender, transferId, [restarted, tokyo]);

  expect(differences(await readTree(source), await readTree(`${target}/tree`))).toEqual([]);
  expect(done.bytesDurable).toBe(done.totalBytes);
  expectResumed(done, halfway);
});
