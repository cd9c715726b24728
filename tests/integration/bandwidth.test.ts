/** Limits of bandwidth and connections, set through the API while two servers transfer. */
import { once } from 'node:events';
import type { Api } from '@jetstream/client';
import type { TransferStructure } from '@jetstream/contract';
import { expect, it } from 'vitest';
import { makeSampleTree } from '../../scripts/sample-tree.js';
import { awaitComplete, openLab, orderTransfer } from './servers.js';

const BIG_FILE_BYTES = 8 * 1024 * 1024;
const WAIT_MS_MAX = 20_000;

async function awaitTransfer(
  sender: Api,
  transferId: string,
  matches: (transfer: TransferStructure) => boolean,
): Promise<TransferStructure> {
  const deadline = performance.now() + WAIT_MS_MAX;
  for (;;) {
    const transfer = await sender.send.getTransfer(transferId);
    if (matches(transfer)) return transfer;
    if (performance.now() > deadline) throw new Error(`It stays ${JSON.stringify(transfer)}`);
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
  const refused = await awaitTransfer(sender, transferId, ({ errorCode }) => errorCode !== null);
  expect(refused).toMatchObject({ status: 'queued', errorCode: 'too_many_requests' });
  expect(refused.errorMessage).toContain('0 incoming connections are open, expected fewer than 0');

  // At 2 Mbit/s the file would take half a minute.
  const slow = { incomingLimitActive: true, incomingRateLimit: 2000, incomingMaxConnections: 1 };
  await receiver.server.updateBandwidthLimits(slow);
  await awaitTransfer(sender, transferId, ({ status }) => status === 'active');
  const startedMs = performance.now();
  await once(AbortSignal.timeout(2000), 'abort');
  const held = await sender.send.getTransfer(transferId);
  const seconds = (performance.now() - startedMs) / 1000;
  expect(held.status).toBe('active');
  expect((held.bytesSent * 8) / (seconds + 1)).toBeLessThan(2_200_000);

  await sender.server.updateBandwidthLimits({ outgoingLimitActive: true, outgoingRateLimit: 1e6 });
  await receiver.server.updateBandwidthLimits({ incomingLimitActive: false });
  await awaitComplete(sender, transferId, [paris, tokyo]);
});
