/** 200 flows at once: a transfer each, to as many destinations as it takes. */
import { join } from 'node:path';
import { PERMISSIONS } from '@jetstream/contract';
import { differences, readTree } from '../../../scripts/dist/sample-tree.js';
import { requireComplete } from './server-pair.js';
import { type Scene, type WanCase, withLab, withScene } from './wan-case.js';

const LINK = { rttMs: 40, rateMbps: 200, lossPercent: 0.1, queueMs: 100 };
const FLOWS = 200;
const BIG_FILE_BYTES = 100_000;
const SECONDS_MAX = 120;

async function sendAll({ pair, source, target }: Scene): Promise<string> {
  const { sender, receiver } = pair;
  await receiver.api.server.mkdir(target);
  const { send } = sender.api;
  const manifest = await send.createManifest({ mappings: { '/tree': source } });
  await send.waitForManifest(manifest);
  const startedAt = performance.now();
  const ids: string[] = [];
  for (let i = 0; i < FLOWS; i += 1) {
    const { token } = await receiver.api.server.createAPIToken({ permissions: PERMISSIONS.UPLOAD });
    // A destination with a token of its own has a flow of its own.
    const destination = await send.createDestination(pair.receiverAddress, {
      destinationPort: receiver.server.ready.recvPort,
      destinationToken: token,

      sendRateMax: 1_000_000 + i,
    });
    const options = { destinationPath: join(target, String(i)) };
    const { transferId } = await send.createTransfer(manifest, destination, options);
    ids.push(transferId);
  }
  for (const id of ids) {
    requireComplete(await send.waitForTransfer(id, { timeoutSeconds: SECONDS_MAX }));
  }
  const seconds = (performance.now() - startedAt) / 1000;
  const expected = await readTree(source);
  for (let i = 0; i < FLOWS; i += 1) {
    const found = differences(expected, await readTree(join(target, String(i), 'tree')));
    if (found.length > 0) throw new Error(`Transfer ${i}: ${found[0]}`);
  }
  return `${FLOWS} transfers in ${seconds.toFixed(1)} s`;
}

export const manyFlowsCases: readonly WanCase[] = [
  {
    name: 'flows-200',
    about: '200 transfers to 200 destinations at once',
    run: () =>
      withLab(LINK, (lab) =>
        withScene(lab, { bigFileBytes: BIG_FILE_BYTES, smallFileCount: 2 }, sendAll),
      ),
  },
];
