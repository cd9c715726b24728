/** Limits of bandwidth and connections, set through the API while two servers transfer. */
import { once } from 'node:events';
import type { Api } from '@jetstream/client';
import type { TransferStructure } from '@jetstream/contract';
import { expect, it } from 'vitest';
import { makeSampleTree } from '../../scripts/sample-tree.js';
import { awaitComplete, openLab, orderTransfer } from './servers.js';

const BIG_FILE_BYTES = 8 * 1024 * 1024;
/** Ends what hangs. */
const WAIT_MS_MAX = 90_000;

/** @returns What matches, and a time before it did, as close as the machine allows. */
async function awaitTransfer(
  sender: Api,
  transferId: string,
  matches: (transfer: TransferStructure) => boolean,
): Promise<{ readonly transfer: TransferStructure; readonly beforeMs: number }> {
  const deadline = performance.now() + WAIT_MS_MAX;
  for (let beforeMs = performance.now(); ; ) {
    const askedMs = performance.now();
    const transfer = await sender.send.getTransfer(transferId);
    if (matches(transfer)) return { transfer, beforeMs };
    if (askedMs > deadline) throw new Error(`It stays ${JSON.stringify(transfer)}`);
    beforeMs = askedMs;
    await once(AbortSignal.timeout(50), 'abort');
  }
}

it('holds a transfer back, lets it go, and refuses connections with a reason', async () => {
  await using lab = openLab();
  const [paris, tokyo] = [await lab.start('paris'), await lab.start('tokyo')];
  const [sender, receiver] = [await lab.login(paris), await lab.login(tokyo)];
  await receiver.server.superuser();
  await sender.server.superuser();
  const [source, target] = [lab.path('source'), lab.path('target')];
  await makeSampleTree(source, { bigFileBytes: BIG_FILE_BYTES, smallFileCount: 5 });
  const order = { sender, receiver, receivingServer: tokyo, source, target };

  await receiver.server.updateBandwidthLimits({ incomingMaxConnections: 0 });
  const { transferId } = await orderTransfer(order);
  const { transfer: refused } = await awaitTransfer(
    sender,
    transferId,
    ({ status, errorCode }) => status === 'queued' && errorCode !== null,
  );
  expect(refused.errorCode).toBe('too_many_requests');
  expect(refused.errorMessage).toContain('0 incoming connections are open, expected fewer than 0');

  // At 2 Mbit/s the file would take half a minute.
  const slow = { incomingLimitActive: true, incomingRateLimit: 2000, incomingMaxConnections: 1 };
  await receiver.server.updateBandwidthLimits(slow);
  const { beforeMs } = await awaitTransfer(sender, transferId, ({ status }) => status === 'active');
  await once(AbortSignal.timeout(2000), 'abort');
  const held = await sender.send.getTransfer(transferId);
  // From before the first byte to after the last that is counted, whatever stalls in between.
  const seconds = (performance.now() - beforeMs) / 1000;
  expect(held.status).toBe('active');
  expect((held.bytesSent * 8) / (seconds + 1)).toBeLessThan(2_200_000);

  await sender.server.updateBandwidthLimits({ outgoingLimitActive: true, outgoingRateLimit: 1e6 });
  await receiver.server.updateBandwidthLimits({ incomingLimitActive: false });
  await awaitComplete(sender, transferId, [paris, tokyo]);
});
