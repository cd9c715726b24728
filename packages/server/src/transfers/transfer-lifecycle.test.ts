import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CANCELLED } from './attempt-samples.conformance.js';
import {
  BROKEN,
  COMPLETE,
  codeOf,
  DomainLab,
  keyOf,
  peerOf,
  progressOf,
} from './domain-lab.conformance.js';

const DAY_MS = 86_400_000;
let lab: DomainLab;

beforeEach(async () => {
  lab = await DomainLab.open();
});
afterEach(() => lab.close());

/** A transfer whose flow stands. */
const running = async (params: Parameters<DomainLab['transfer']>[0] = {}): Promise<string> => {
  const { transferId } = await lab.transfer(params);
  await lab.sent(transferId);
  lab.plane.events.sendStarted(transferId, peerOf(1));
  return transferId;
};

describe('a transfer', () => {
  it('reference vectors 10 and 11: what createTransfer answers', async () => {
    const answer = await lab.transfer({ size: 858_703_405 });
    expect(answer).toMatchObject({
      blockSize: 256,
      blocksAcked: 0,
      blocksSent: 0,
      bytesRecv: 0,
      bytesSent: 0,
      destinationId: 'receiver01:8886',
      endTime: null,
      errorMessage: '',
      packetsRecv: 0,
      packetsSent: 0,
      processing: true,
      queueTime: null,
      startTime: null,
      status: 'pending',
      totalBlocks: 3_354_311,
      totalBytes: 858_703_405,
      priority: 100,
      overwriteMode: 4,
      checkpointFrequencySeconds: 5,
    });
    expect(answer.transferId).toMatch(/^[0-9a-f]{32}$/);
    expect(answer.snapshotTime).toBeGreaterThanOrEqual(answer.requestTime);
  });

  it('goes from pending over queued and active to complete, with its five times', async () => {
    const { transferId, requestTime } = await lab.transfer({ destinationPath: '/repo' });
    await lab.sent(transferId);
    expect(lab.plane.order(transferId)).toMatchObject({
      totalFiles: 1,
      totalBytes: 1000,
      destinationPath: '/repo',
      overwriteMode: 4,
      checkpointSeconds: 5,
      priority: 100,
      destination: {
        address: 'receiver01',
        port: 8886,
        publicKey: null,
        token: null,
        minCipher: 2,
      },
    });
    expect(await lab.show(transferId)).toMatchObject({ status: 'active', startTime: null });
    lab.clock.advance(2);
    lab.plane.events.sendStarted(transferId, peerOf(1));
    lab.clock.advance(3);
    expect(await lab.show(transferId)).toMatchObject({
      status: 'active',
      startTime: requestTime + 2000,
      path: 'dgram',
      pathReason: 'test',
    });
    const ended = lab.call('send.waitForTransfer', { transferId });
    lab.plane.end(transferId, COMPLETE);
    expect(await ended).toMatchObject({
      status: 'complete',
      processing: false,
      queueTime: requestTime,
      startTime: requestTime + 2000,
      endTime: requestTime + 5000,
      blocksAcked: 4,
      bytesDurable: 1000,
      receiptPath: '/r.json',
      errorMessage: '',
    });
    const states = (await lab.eventsOf('transferUpdated')).map((event) => event.fields.status);
    expect(states).toEqual(['queued', 'active', 'complete']);
  });

  it('shows counters in blocks, rate, time to go and bottleneck while it runs', async () => {
    const transferId = await running({ size: 10_000 });
    lab.plane.events.sendProgress(
      transferId,
      progressOf({
        bytesSent: 2570,
        bytesAcked: 2049,
        bytesRetransmitted: 1,
        bytesDurable: 1024,
        linkBytesSent: 3000,
        linkBytesReceived: 200,
        packetsSent: 3,
        packetsReceived: 2,
        sendRateKbps: 8,
        roundTripTimeMs: 20,
        bottleneck: 'network',
      }),
    );
    expect(await lab.show(transferId)).toMatchObject({
      blocksSent: 11,
      blocksAcked: 9,
      blocksRetransmitted: 1,
      bytesDurable: 1024,
      bytesSent: 3000,
      bytesRecv: 200,
      packetsSent: 3,
      packetsRecv: 2,
      sendRate: 8,
      etaSeconds: (10_000 - 2049) / 1000,
      roundTripTimeMs: 20,
      bottleneck: 'network',
    });
    expect(
      await lab.call('send.getDestination', { destinationId: 'receiver01:8886' }),
    ).toMatchObject({ sendRate: 8, roundTripTimeMs: 20, encryptedConnectionState: 'connected' });
  });

  it('writes counters at most once a second', async () => {
    const transferId = await running({ size: 10_000 });
    const stored = async (): Promise<number> => {
      await lab.settled();
      const row = await lab.database.db
        .selectFrom('transfers')
        .select('record')
        .where('id', '=', transferId)
        .executeTakeFirstOrThrow();
      return (JSON.parse(row.record) as { counters: { bytesSent: number } }).counters.bytesSent;
    };
    for (let bytesSent = 1; bytesSent <= 50; bytesSent += 1) {
      lab.plane.events.sendProgress(transferId, progressOf({ bytesSent }));
      lab.clock.advance(10);
    }
    expect(await stored()).toBe(0);
    lab.clock.advance(500);
    expect(await stored()).toBe(50);
  });

  it('a broken attempt is repeated after pauses that double, without an end before seven days', async () => {
    const transferId = await running();
    const nominal = [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000];
    for (const [index, pauseMs] of nominal.entries()) {
      lab.plane.end(transferId, BROKEN);
      expect(await lab.show(transferId)).toMatchObject({
        status: 'queued',
        errorCode: 'flow_failed',
        errorMessage: 'broke',
      });
      lab.clock.advance(pauseMs / 2 - 1);
      expect(lab.plane.orders).toHaveLength(index + 1);
      lab.clock.advance(pauseMs / 2 + 1);
      expect(lab.plane.orders).toHaveLength(index + 2);
    }
    lab.plane.events.sendStarted(transferId, peerOf(1));
    expect(await lab.show(transferId)).toMatchObject({ status: 'active', errorMessage: '' });
  });

  it('is given up after seven days without progress; progress starts the count anew', async () => {
    const transferId = await running();
    lab.plane.end(transferId, BROKEN);
    lab.clock.advance(6 * DAY_MS);
    expect(lab.plane.running).toEqual([transferId]);
    lab.plane.events.sendProgress(transferId, progressOf({ bytesDurable: 10 }));
    lab.plane.end(transferId, BROKEN);
    lab.clock.advance(6 * DAY_MS);
    lab.plane.end(transferId, BROKEN);
    expect(await lab.show(transferId)).toMatchObject({ status: 'queued' });
    lab.clock.advance(DAY_MS);
    lab.plane.end(transferId, BROKEN);
    expect(await lab.show(transferId)).toMatchObject({
      status: 'error',
      errorCode: 'flow_failed',
      errorMessage: 'broke; given up after 7 days without progress',
    });
  });

  it('counters add up over attempts, from what the receiver holds durably', async () => {
    const transferId = await running({ size: 1000 });
    const first = { bytesSent: 600, bytesAcked: 500, bytesDurable: 300, packetsSent: 6 };
    lab.plane.events.sendProgress(transferId, progressOf(first));
    lab.plane.end(transferId, BROKEN);
    lab.clock.advance(1000);
    expect(lab.plane.orders).toHaveLength(2);
    const second = { bytesSent: 700, bytesAcked: 650, bytesDurable: 400, packetsSent: 7 };
    lab.plane.events.sendProgress(transferId, progressOf(second));
    expect(await lab.show(transferId)).toMatchObject({
      blocksSent: Math.ceil(1300 / 256),
      blocksAcked: Math.ceil(950 / 256),
      bytesDurable: 400,
      packetsSent: 13,
    });
  });

  it('what cannot be cured ends it at once, with code and reason', async () => {
    const transferId = await running();
    const outcome = { kind: 'failed', code: 'peer_refused', message: 'no right' } as const;
    lab.plane.end(transferId, outcome);
    expect(await lab.call('send.waitForTransfer', { transferId })).toMatchObject({
      status: 'error',
      errorCode: 'peer_refused',
      errorMessage: 'no right',
    });
    lab.clock.advance(DAY_MS);
    expect(lab.plane.orders).toHaveLength(1);
  });

  it('failed files make it an error that nobody overlooks', async () => {
    const transferId = await running();
    const fileErrors = Array.from({ length: 150 }, (_, index) => ({
      destPath: `/${index}`,
      code: index === 0 ? ('source_vanished' as const) : ('io_error' as const),
      message: `Cannot read "/${index}"`,
    }));
    lab.plane.end(transferId, { kind: 'complete', fileErrors, receiptPath: '/r.json' });
    const ended = await lab.call('send.waitForTransfer', { transferId });
    expect(ended).toMatchObject({
      status: 'error',
      errorCode: 'source_vanished',
      errorMessage: '150 of 1 files failed; the first: Cannot read "/0"',
      receiptPath: '/r.json',
    });
    expect(ended.fileErrors).toHaveLength(100);
  });
});

describe('cancelTransfer', () => {
  it('ends a running transfer for good, whatever the attempt says afterwards', async () => {
    const transferId = await running();
    const answer = await lab.call('send.cancelTransfer', { transferId });
    expect(answer).toMatchObject({
      status: 'cancelled',
      processing: false,
      errorCode: 'cancelled',
      errorMessage: 'The transfer was cancelled by "user"',
    });
    const stop = { transferId, code: 'cancelled', kind: 'send', aftermath: 'discard' };
    expect(lab.plane.stopped).toEqual([stop]);
    lab.plane.events.sendProgress(transferId, progressOf({ bytesSent: 5 }));
    lab.plane.end(transferId, COMPLETE);
    await lab.settled();
    expect(await lab.show(transferId)).toMatchObject({ status: 'cancelled', blocksSent: 0 });
    expect(await codeOf(lab.call('send.cancelTransfer', { transferId }))).toBe('conflict');
  });

  it('ends a waiting one and one between two attempts; neither is sent any more', async () => {
    const first = await running();
    lab.plane.end(first, BROKEN);
    await lab.call('send.cancelTransfer', { transferId: first });
    expect(lab.plane.order(first).withdraws).toBe(true);
    lab.plane.end(first, CANCELLED);
    const blocker = await lab.transfer({ address: 'other' });
    await lab.sent(blocker.transferId);
    const second = await lab.transfer({ address: 'other' });
    await lab.call('send.cancelTransfer', { transferId: second.transferId });
    lab.clock.advance(DAY_MS);
    lab.plane.end(blocker.transferId, COMPLETE);
    await lab.settled();
    const sent = lab.plane.orders.filter((order) => order.withdraws !== true);
    expect(sent.map((order) => order.transferId)).toEqual([first, blocker.transferId]);
  });
});

describe('the queue', () => {
  it('sends one transfer until the receiver has shown its key, then eight, by priority', async () => {
    const manifest = await lab.manifest();
    const ids: string[] = [];
    for (let index = 0; index < 11; index += 1) {
      const priority = index === 10 ? 5 : 100;
      ids.push((await lab.transfer({ manifestId: manifest, priority })).transferId);
    }
    expect(lab.plane.running).toEqual([ids[0]]);
    lab.plane.events.sendStarted(ids[0]!, peerOf(1));
    expect(lab.plane.running).toEqual([ids[0], ids[10], ...ids.slice(1, 7)]);
    expect(lab.plane.order(ids[3]!).destination.publicKey).toBe(keyOf(1));
    const destinationId = 'receiver01:8886';
    const shown = await lab.call('send.getDestination', { destinationId });
    expect(shown.numTransfersQueued).toBe(3);
    lab.plane.end(ids[0]!, COMPLETE);
    expect(lab.plane.running).toContain(ids[7]);
  });

  it('refuses another key than the pinned one', async () => {
    const first = await running();
    lab.plane.end(first, COMPLETE);
    const { transferId } = await lab.transfer();
    await lab.sent(transferId);
    lab.plane.events.sendStarted(transferId, peerOf(2));
    expect(lab.plane.stopped).toMatchObject([{ transferId, code: 'peer_identity_mismatch' }]);
    lab.plane.end(transferId, COMPLETE);
    expect(await lab.call('send.waitForTransfer', { transferId })).toMatchObject({
      status: 'error',
      errorCode: 'peer_identity_mismatch',
    });
  });

  it('a token of the transfer goes before that of the destination, and neither is shown', async () => {
    const destination = { destinationAddress: 'r', destinationToken: 'js1.secret-of-destination' };
    const { destinationId } = await lab.call('send.createDestination', destination);
    const { manifestId } = await lab.manifest();
    const plain = await lab.call('send.createTransfer', { manifestId, destinationId });
    const destinationToken = 'js1.secret-of-transfer';
    const params = { manifestId, destinationId, destinationToken };
    const own = await lab.call('send.createTransfer', params);
    await lab.sent(plain.transferId);
    expect(lab.plane.order(plain.transferId).destination.token).toBe('js1.secret-of-destination');
    lab.plane.events.sendStarted(plain.transferId, peerOf(1));
    expect(lab.plane.order(own.transferId).destination.token).toBe('js1.secret-of-transfer');
    await lab.settled();
    const events = await lab.events.read({ afterSeq: 0, limit: 100 });
    const shown = [
      await lab.show(own.transferId),
      await lab.call('send.getDestination', { destinationId }),
      events,
      lab.published,
    ];
    expect(JSON.stringify(shown)).not.toContain('secret-of');
  });
});

describe('a restart', () => {
  it('queues again what has not ended, with its counters; leaves alone what has', async () => {
    const done = await running();
    lab.plane.end(done, COMPLETE);
    const cancelled = await running();
    await lab.call('send.cancelTransfer', { transferId: cancelled });
    lab.plane.end(cancelled, CANCELLED);
    lab.plane.end(cancelled, CANCELLED);
    const active = await running();
    const progress = { bytesSent: 800, bytesDurable: 512, packetsSent: 4 };
    lab.plane.events.sendProgress(active, progressOf(progress));
    await lab.restart();
    await lab.sent(active, 2);
    expect(lab.plane.orders.map((order) => order.transferId)).toEqual([active]);
    expect(lab.plane.order(active).destination.publicKey).toBe(keyOf(1));
    const shown = await lab.show(active);
    expect(shown).toMatchObject({ status: 'active', bytesDurable: 512, packetsSent: 4 });
    expect(shown.errorMessage).toBe('');
    expect(await lab.show(done)).toMatchObject({ status: 'complete' });
    expect(await lab.show(cancelled)).toMatchObject({ status: 'cancelled' });
  });

  it('times go on rising', async () => {
    const transferId = await running();
    lab.clock.advance(10_000);
    const before = await lab.show(transferId);
    await lab.restart();
    const after = await lab.show(transferId);
    expect(after.snapshotTime).toBeGreaterThanOrEqual(before.snapshotTime);
    expect(after).toMatchObject({ requestTime: before.requestTime, startTime: before.startTime });
  });
});

describe('a data plane that dies', () => {
  it('is started again, and what it was sending is tried again', async () => {
    const transferId = await running();
    lab.plane.die(new Error('out of luck'));
    expect(await lab.show(transferId)).toMatchObject({
      status: 'queued',
      errorCode: 'flow_failed',
    });
    lab.clock.advance(1000);
    await lab.settled();
    expect(lab.planes).toHaveLength(2);
    lab.clock.advance(60_000);
    await lab.sent(transferId, 2);
    lab.plane.events.sendStarted(transferId, peerOf(1));
    lab.plane.end(transferId, COMPLETE);
    expect(await lab.call('send.waitForTransfer', { transferId })).toMatchObject({
      status: 'complete',
    });
  });
});
