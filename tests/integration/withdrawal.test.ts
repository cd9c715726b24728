/** What is left at a receiver when the sender cancels while nothing moves between the two. */
import { readdirSync } from 'node:fs';
import type { Api } from '@jetstream/client';
import { expect, it, vi } from 'vitest';
import { makeSampleTree, readTree } from '../../scripts/sample-tree.js';
import type { ServerProcess } from '../../scripts/server-process.js';
import { awaitComplete, awaitDurable, type Lab, openLab, orderTransfer } from './servers.js';

const BIG_FILE_BYTES = 48 * 1024 * 1024;
/** About 5 s for the file, so that the break comes in the middle. */
const SEND_RATE_MAX_KBPS = 80_000;
const DURABLE_BYTES = 4 * 1024 * 1024;
const POLL = { timeout: 40_000, interval: 100 };

interface Halfway {
  readonly paris: ServerProcess;
  readonly tokyo: ServerProcess;
  readonly sender: Api;
  readonly target: string;
  readonly transferId: string;
}

const startHalfway = async (lab: Lab): Promise<Halfway> => {
  const [paris, tokyo] = [await lab.start('paris'), await lab.start('tokyo')];
  const [sender, receiver] = [await lab.login(paris), await lab.login(tokyo)];
  const source = lab.path('source');
  await makeSampleTree(source, { bigFileBytes: BIG_FILE_BYTES, smallFileCount: 20 });
  const target = lab.path('arrived');
  const { transferId } = await orderTransfer({
    ...{ sender, receiver, receivingServer: tokyo, source, target },
    sendRateMax: SEND_RATE_MAX_KBPS,
  });
  await awaitDurable(sender, transferId, DURABLE_BYTES);
  return { paris, tokyo, sender, target, transferId };
};

/** Names of unfinished files, which are hidden. */
const unfinishedIn = (directory: string): string[] =>
  readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.includes('.jetpart-'),
  );

it('a suspended transfer that is cancelled leaves no unfinished files at the receiver', async () => {
  await using lab = openLab();
  const { sender, target, transferId } = await startHalfway(lab);
  await sender.send.suspendTransfer(transferId);
  await vi.waitFor(() => expect(unfinishedIn(target)).not.toEqual([]), POLL);
  await sender.send.cancelTransfer(transferId);
  await vi.waitFor(() => expect(unfinishedIn(target)).toEqual([]), POLL);
  expect((await sender.send.getTransfer(transferId)).status).toBe('cancelled');
});

it('one that is cancelled while the receiver is away is told when both are back', async () => {
  await using lab = openLab();
  const { paris, tokyo, sender, target, transferId } = await startHalfway(lab);
  await tokyo.kill();
  await sender.send.cancelTransfer(transferId);
  await paris.kill();
  expect(unfinishedIn(target)).not.toEqual([]);
  const back = [await lab.restart(paris), await lab.restart(tokyo)];
  await vi.waitFor(() => expect(unfinishedIn(target)).toEqual([]), POLL);

  const again = await lab.login(back[0] as ServerProcess);
  await again.send.retryTransfer(transferId);
  await awaitComplete(again, transferId, back);
  const [sent, arrived] = [await readTree(lab.path('source')), await readTree(`${target}/tree`)];
  expect(arrived).toEqual(sent);
});
