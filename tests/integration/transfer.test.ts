import { existsSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { differences, makeSampleTree, readTree } from '../../scripts/sample-tree.js';
import { LOOPBACK } from '../../scripts/server-process.js';
import { awaitComplete, openLab, orderTransfer } from './servers.js';

const SMALL_TREE = { bigFileBytes: 8 * 1024 * 1024 + 13, smallFileCount: 300 };

describe.each(['auto', 'dgram'])('a transfer between two servers, data path %s', (dataPath) => {
  it('delivers every file, name and empty directory', async () => {
    await using lab = openLab();
    const flags = [`--data-path=${dataPath}`];
    const paris = await lab.start('paris', { flags });
    const tokyo = await lab.start('tokyo', { flags });
    const sender = await lab.login(paris);
    const receiver = await lab.login(tokyo);
    const source = lab.path('source');
    const target = lab.path('target');
    await makeSampleTree(source, SMALL_TREE);

    const { transferId } = await orderTransfer({
      sender,
      receiver,
      receivingServer: tokyo,
      source,
      target,
    });
    const done = await awaitComplete(sender, transferId, [paris, tokyo]);

    expect(differences(await readTree(source), await readTree(`${target}/tree`))).toEqual([]);
    expect(readdirSync(target)).toEqual(['tree']);
    expect(done.bytesDurable).toBe(done.totalBytes);
    expect(done.blocksAcked).toBe(done.totalBlocks);
    expect(done.bytesSent).toBeGreaterThan(done.totalBytes ?? 0);
    expect(done.packetsSent).toBeGreaterThan(0);
    if (dataPath === 'dgram') expect(done.path).toBe('dgram');
    expect(existsSync(done.receiptPath ?? '')).toBe(true);
    const [received] = await receiver.recv.getTransfers();
    expect(received).toMatchObject({ transferId, status: 'complete' });
  });
});

describe('a transfer that the receiver has not permitted', () => {
  it('is refused without a token and writes nothing', async () => {
    await using lab = openLab();
    const paris = await lab.start('paris');
    const tokyo = await lab.start('tokyo');
    const sender = await lab.login(paris);
    const source = lab.path('source');
    const target = lab.path('target');
    await makeSampleTree(source, { bigFileBytes: 1000, smallFileCount: 1 });

    const manifest = await sender.send.createManifest({ mappings: { '/tree': source } });
    await sender.send.waitForManifest(manifest);
    const destination = await sender.send.createDestination(LOOPBACK, {
      destinationPort: tokyo.ready.recvPort,
    });
    const transfer = await sender.send.createTransfer(manifest, destination, {
      destinationPath: target,
    });
    const ended = await sender.send.waitForTransfer(transfer, { timeoutSeconds: 30 });

    expect(ended).toMatchObject({ status: 'error', errorCode: 'peer_refused' });
    expect(existsSync(target)).toBe(false);
  });

  it('is not even offered to a server with another key than expected', async () => {
    await using lab = openLab();
    const paris = await lab.start('paris');
    const tokyo = await lab.start('tokyo');
    const sender = await lab.login(paris);
    const source = lab.path('source');
    const target = lab.path('target');
    await makeSampleTree(source, { bigFileBytes: 1000, smallFileCount: 1 });

    const { publicKey } = await sender.server.getServerInfo();
    const manifest = await sender.send.createManifest({ mappings: { '/tree': source } });
    await sender.send.waitForManifest(manifest);
    const destination = await sender.send.createDestination(LOOPBACK, {
      destinationPort: tokyo.ready.recvPort,
      destinationPublicKey: publicKey,
    });
    const transfer = await sender.send.createTransfer(manifest, destination, {
      destinationPath: target,
    });
    const ended = await sender.send.waitForTransfer(transfer, { timeoutSeconds: 30 });

    expect(ended).toMatchObject({ status: 'error', errorCode: 'peer_identity_mismatch' });
    expect(existsSync(target)).toBe(false);
  });
});
