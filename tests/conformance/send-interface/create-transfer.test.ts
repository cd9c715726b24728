import type { ManifestStructure, TransferStructure } from '@jetstream/contract';
import { expect, it } from 'vitest';
import { expectLoginNeeded, failure, openSessions } from '../harness/sessions.js';
import { hasPeer, openSending } from '../harness/transfers.js';

const sessions = openSessions();
const sending = openSending(sessions);

it('returns a pending transfer at once, with the keys and counters of the page', async () => {
  const { manifestId } = await sending.manifest(858_703);
  const made = await sending.waitingTransfer({ manifestId, destinationPath: '/in' });
  expect(made).toMatchObject({
    ...{ manifestId, destinationPath: '/in', status: 'pending', processing: true },
    ...{ errorMessage: '', blockSize: 256, totalBytes: 858_703, totalBlocks: 3355, blocksSent: 0 },
    ...{ blocksAcked: 0, blocksRetransmitted: 0, bytesSent: 0, bytesRecv: 0, packetsSent: 0 },
    ...{ packetsRecv: 0, checkpointFrequencySeconds: 5, priority: 100, queueTime: null },
    ...{ startTime: null, endTime: null, ownerToken: null, ownerTokenSession: null, userData: {} },
  });
  expect(made.snapshotTime).toBeGreaterThanOrEqual(made.requestTime);
});

it.skipIf(!hasPeer)('delivers the files below destinationPath, with its five times', async () => {
  const { session, directory } = await sending.receiver();
  const destinationPath = `${directory}/delivered`;
  const { transferId } = await sending.transfer({ destinationPath });
  const done = await sending.ended(transferId);
  expect(done).toMatchObject({ status: 'complete', processing: false, blocksAcked: 4 });
  const { requestTime, queueTime, startTime, endTime, snapshotTime } = done;
  const times = [requestTime, queueTime ?? 0, startTime ?? 0, endTime ?? 0, snapshotTime];
  expect([...times].sort((a, b) => a - b)).toEqual(times);
  const listing = await session.result('lsAsync', { path: destinationPath });
  expect(listing).toMatchObject({ files: [{ name: 'file.bin', size: 1000 }] });
});

it.skipIf(!hasPeer)(
  'null for checkpointFrequencySeconds makes data durable at the end',
  async () => {
    const made = await sending.transfer({ checkpointFrequencySeconds: null });
    expect(made.checkpointFrequencySeconds).toBeNull();
    const done = await sending.ended(made.transferId);
    expect(done).toMatchObject({ status: 'complete', bytesDurable: 1000 });
  },
);

it.skipIf(!hasPeer)('whilePending takes a manifest that is still being made', async () => {
  const session = await sessions.as('user');
  const path = `${await sessions.scratch()}/many`;
  await session.result('mkdirAsync', { path: `${path}/b` });
  for (const name of ['a', 'b/c']) {
    await session.result('mkFileAsync', { path: `${path}/${name}`, size: 700 });
  }
  const made = { mappings: { '/many': path } };
  const { manifestId } = await session.call<ManifestStructure>('send.createManifest', made);
  const { transferId } = await sending.transfer({ manifestId, whilePending: true });
  const done = await sending.ended(transferId);
  expect(done).toMatchObject({ status: 'complete', totalsGrow: false, totalFiles: 2 });
  expect(done).toMatchObject({ totalBytes: 1400, bytesDurable: 1400 });
});

it('takes priority, ceiling, policy and days of retry', async () => {
  const wanted = { priority: 7, sendRateMax: 900, rateControlMethod: 'high', retryDays: 2 };
  expect(await sending.waitingTransfer(wanted)).toMatchObject(wanted);
});

it.skipIf(!hasPeer)(
  'without a right at the receiver it ends with an error that says so',
  async () => {
    const { destinationId } = await sending.destination({ destinationToken: 'js1.none.none' });
    const { transferId } = await sending.transfer({ destinationId });
    const ended = await sending.ended(transferId);
    expect(ended).toMatchObject({ status: 'error', errorCode: 'peer_refused' });
  },
);

it.skipIf(!hasPeer)('a performance test needs the consent of the receiver', async () => {
  const { transferId } = await sending.transfer({ transferFlags: 0 });
  const ended = await sending.ended(transferId);
  expect(ended).toMatchObject({ status: 'error', errorCode: 'peer_refused', transferFlags: 0 });
});

it('needs a login, a complete manifest and a destination', async () => {
  const { manifestId } = await sending.manifest();
  const { destinationId } = await sending.nowhere();
  const params = { manifestId, destinationId };
  await expectLoginNeeded(sessions, 'send.createTransfer', params);
  const user = await sessions.as('user');
  const refused = async (change: object, code: string): Promise<void> => {
    const attempt = user.call<TransferStructure>('send.createTransfer', { ...params, ...change });
    await expect(attempt, JSON.stringify(change)).rejects.toMatchObject(failure(code));
  };
  await refused({ manifestId: 'f'.repeat(32) }, 'not_found');
  await refused({ destinationId: 'nowhere.example:1' }, 'not_found');
  await refused({ destinationPath: '/a/../../b' }, 'path_invalid');
  await refused({ rateControlMethod: 'fixed' }, 'invalid_params');
  await refused({ priority: -1 }, 'invalid_params');
  const other = await sessions.as('other');
  const stranger = other.call('send.createTransfer', params);
  await expect(stranger).rejects.toMatchObject(failure('not_found'));
});
