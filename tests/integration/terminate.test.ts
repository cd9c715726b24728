/** `terminate()` while files are on their way: a clean end, and the transfer goes on afterwards. */
import { once } from 'node:events';
import { expect, it } from 'vitest';
import { differences, makeSampleTree, readTree } from '../../scripts/sample-tree.js';
import type { ServerProcess } from '../../scripts/server-process.js';
import { awaitComplete, awaitDurable, openLab, orderTransfer } from './servers.js';

const BIG_FILE_BYTES = 32 * 1024 * 1024;
/** About 5 s for the file, so that the end comes in the middle. */
const SEND_RATE_MAX_KBPS = 50_000;
const DURABLE_BYTES = 4 * 1024 * 1024;
/** Well below what a server may take to drain. */
const END_MS_MAX = 10_000;

/** Exit code of a server that was told to end by a call. */
async function ended(server: ServerProcess): Promise<number | null> {
  const deadline = performance.now() + END_MS_MAX;
  while (server.running()) {
    if (performance.now() > deadline) throw new Error(`"${server.name}" runs on after terminate()`);
    await once(AbortSignal.timeout(20), 'abort');
  }
  return server.stop();
}

it('ends sender and receiver in the middle of a transfer, which completes after a restart', async () => {
  await using lab = openLab();
  const paris = await lab.start('paris');
  const tokyo = await lab.start('tokyo');
  const [sender, receiver] = [await lab.login(paris), await lab.login(tokyo)];
  const [source, target] = [lab.path('source'), lab.path('target')];
  await makeSampleTree(source, { bigFileBytes: BIG_FILE_BYTES, smallFileCount: 20 });
  const sendRateMax = SEND_RATE_MAX_KBPS;
  const order = { sender, receiver, receivingServer: tokyo, source, target, sendRateMax };
  const { transferId } = await orderTransfer(order);
  await awaitDurable(sender, transferId, DURABLE_BYTES);

  await receiver.server.superuser();
  expect(await receiver.server.terminate()).toBeNull();
  expect(await ended(tokyo)).toBe(0);
  await sender.server.superuser();
  expect(await sender.server.terminate()).toBeNull();
  expect(await ended(paris)).toBe(0);

  const restarted = [await lab.restart(tokyo), await lab.restart(paris)] as const;
  const again = await lab.login(restarted[1]);
  const resumed = await again.send.getTransfer(transferId);
  expect(resumed.bytesDurable).toBeGreaterThanOrEqual(DURABLE_BYTES);
  await awaitComplete(again, transferId, restarted);
  expect(differences(await readTree(source), await readTree(lab.path('target', 'tree')))).toEqual(
    [],
  );
});
