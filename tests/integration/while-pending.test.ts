import { mkdirSync, writeFileSync } from 'node:fs';
import { PERMISSIONS } from '@jetstream/contract';
import { describe, expect, it } from 'vitest';
import { differences, readTree } from '../../scripts/sample-tree.js';
import { LOOPBACK } from '../../scripts/server-process.js';
import { awaitComplete, type Lab, openLab } from './servers.js';

const DIRECTORIES = 20;
const FILES_EACH = 50;

const makeTree = (base: string): void => {
  for (let directory = 0; directory < DIRECTORIES; directory += 1) {
    mkdirSync(`${base}/d${directory}`, { recursive: true });
    for (let file = 0; file < FILES_EACH; file += 1) {
      writeFileSync(`${base}/d${directory}/f${file}`, `${directory} ${file}`.repeat(20));
    }
  }
};

/** Asks for a transfer while its manifest is being made. */
const begin = async (lab: Lab, publish: 'each' | 'whole') => {
  const paris = await lab.start('paris');
  const tokyo = await lab.start('tokyo');
  const [sender, receiver] = [await lab.login(paris), await lab.login(tokyo)];
  const [source, target] = [lab.path('source'), lab.path('target')];
  makeTree(source);
  const { token } = await receiver.server.createAPIToken({ permissions: PERMISSIONS.UPLOAD });
  const destination = await sender.send.createDestination(LOOPBACK, {
    destinationPort: tokyo.ready.recvPort,
    destinationControlPort: tokyo.ready.apiPort,
    destinationToken: token,
  });
  const manifest = await sender.send.createManifest({ mappings: { '/': source } });
  const transfer = await sender.send.createTransfer(manifest, destination, {
    destinationPath: target,
    whilePending: true,
    publish,
  });
  return { paris, tokyo, sender, receiver, source, target, transferId: transfer.transferId };
};

describe('a transfer of a manifest that is still being made', () => {
  it.each(['each', 'whole'] as const)('delivers everything, publish %s', async (publish) => {
    await using lab = openLab();
    const { paris, tokyo, sender, receiver, source, target, transferId } = await begin(
      lab,
      publish,
    );
    const done = await awaitComplete(sender, transferId, [paris, tokyo]);
    expect(done).toMatchObject({ totalFiles: DIRECTORIES * FILES_EACH, totalsGrow: false });
    expect(done.bytesDurable).toBe(done.totalBytes);
    expect(differences(await readTree(source), await readTree(target))).toEqual([]);
    const [received] = await receiver.recv.getTransfers();
    expect(received).toMatchObject({ status: 'complete', totalFiles: done.totalFiles });
    expect(received?.totalSize).toBe(done.totalBytes);
  });

  it('goes on after both servers were killed at once', async () => {
    await using lab = openLab();
    const { paris, tokyo, source, target, transferId } = await begin(lab, 'each');
    await Promise.all([paris.kill(), tokyo.kill()]);
    const [again, other] = [await lab.restart(paris), await lab.restart(tokyo)];
    const sender = await lab.login(again);
    await awaitComplete(sender, transferId, [again, other]);
    expect(differences(await readTree(source), await readTree(target))).toEqual([]);
    const manifests = await sender.send.getManifests();
    expect(manifests).toMatchObject([{ status: 'complete' }]);
  });
});
