import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CANCELLED } from './attempt-samples.conformance.js';
import {
  BROKEN,
  COMPLETE,
  codeOf,
  DomainLab,
  peerOf,
  progressOf,
} from './domain-lab.conformance.js';

const HOUR_MS = 3_600_000;
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

describe('suspendTransfer and resumeTransfer', () => {
  it('keep the progress of a running transfer, and tell the receiver to wait', async () => {
    const transferId = await running({ size: 1000 });
    lab.plane.events.sendProgress(transferId, progressOf({ bytesSent: 800, bytesDurable: 512 }));
    const suspended = await lab.call('send.suspendTransfer', { transferId });
    expect(suspended).toMatchObject({ status: 'suspended', processing: true, bytesDurable: 512 });
    expect(lab.plane.stopped).toMatchObject([{ transferId, aftermath: 'pause' }]);
    lab.plane.end(transferId, CANCELLED);
    lab.clock.advance(HOUR_MS);
    expect(await lab.show(transferId)).toMatchObject({ status: 'suspended', errorMessage: '' });
    expect(lab.plane.orders).toHaveLength(1);
    const resumed = await lab.call('send.resumeTransfer', { transferId });
    expect(resumed).toMatchObject({ status: 'active', bytesDurable: 512 });
    expect(lab.plane.orders).toHaveLength(2);
  });

  it('a transfer that is resumed before its attempt is over is sent once that is', async () => {
    const transferId = await running();
    await lab.call('send.suspendTransfer', { transferId });
    const resumed = await lab.call('send.resumeTransfer', { transferId });
    expect(resumed.status).toBe('queued');
    expect(lab.plane.orders).toHaveLength(1);
    lab.plane.end(transferId, CANCELLED);
    expect(await lab.show(transferId)).toMatchObject({ status: 'active', errorCode: null });
    expect(lab.plane.orders).toHaveLength(2);
  });

  it('take a waiting one out of the queue and of the pause between attempts', async () => {
    const first = await running();
    lab.plane.end(first, BROKEN);
    expect((await lab.show(first)).nextRetryTime).not.toBeNull();
    await lab.call('send.suspendTransfer', { transferId: first });
    expect((await lab.show(first)).nextRetryTime).toBeNull();
    lab.clock.advance(HOUR_MS);
    expect(lab.plane.orders).toHaveLength(1);
  });

  it('survive a restart of the server', async () => {
    const transferId = await running();
    await lab.call('send.suspendTransfer', { transferId });
    await lab.restart();
    lab.clock.advance(HOUR_MS);
    expect(await lab.show(transferId)).toMatchObject({ status: 'suspended' });
    expect(lab.plane.orders).toEqual([]);
    await lab.call('send.resumeTransfer', { transferId });
    await lab.sent(transferId, 2);
  });

  it('are refused in other states, and do not give other users away', async () => {
    const transferId = await running();
    const other = lab.caller({ userName: 'other' });
    expect(await codeOf(lab.call('send.resumeTransfer', { transferId }))).toBe('conflict');
    expect(await codeOf(lab.call('send.suspendTransfer', { transferId }, other))).toBe('not_found');
    lab.plane.end(transferId, COMPLETE);
    await lab.settled();
    expect(await codeOf(lab.call('send.suspendTransfer', { transferId }))).toBe('conflict');
  });
});

describe('retryTransfer', () => {
  it('goes on where a failed transfer stopped', async () => {
    const transferId = await running({ size: 1000 });
    lab.plane.events.sendProgress(transferId, progressOf({ bytesSent: 700, bytesDurable: 512 }));
    lab.plane.end(transferId, { kind: 'failed', code: 'disk_full', message: 'full' });
    await lab.call('send.waitForTransfer', { transferId });
    const again = await lab.call('send.retryTransfer', { transferId });
    expect(again).toMatchObject({ processing: true, endTime: null, bytesDurable: 512 });
    expect(again).toMatchObject({ errorCode: null, errorMessage: '' });
    await lab.sent(transferId, 2);
    expect(lab.plane.order(transferId).startsAnew).toBe(false);
    lab.plane.end(transferId, COMPLETE);
    const ended = await lab.call('send.waitForTransfer', { transferId });
    expect(ended).toMatchObject({ status: 'complete', errorCode: null });
    expect(ended.endTime).toBeGreaterThanOrEqual(ended.startTime ?? Infinity);
  });

  it('begins again with what was cancelled, and with files that failed', async () => {
    const cancelled = await running();
    await lab.call('send.cancelTransfer', { transferId: cancelled });
    lab.plane.end(cancelled, CANCELLED);
    lab.plane.end(cancelled, CANCELLED);
    await lab.settled();
    await lab.call('send.retryTransfer', { transferId: cancelled });
    expect(lab.plane.order(cancelled).startsAnew).toBe(true);
    const fileErrors = [{ destPath: '/a', code: 'io_error' as const, message: 'bad' }];
    lab.plane.end(cancelled, { kind: 'complete', fileErrors, receiptPath: '/r.json' });
    await lab.call('send.waitForTransfer', { transferId: cancelled });
    const again = await lab.call('send.retryTransfer', { transferId: cancelled });
    expect(again).toMatchObject({ fileErrors: [], receiptPath: null, bytesDurable: 0 });
  });

  it('ends the pause before the next attempt', async () => {
    const transferId = await running();
    lab.plane.end(transferId, BROKEN);
    expect((await lab.show(transferId)).retryCount).toBe(1);
    await lab.call('send.retryTransfer', { transferId });
    expect(lab.plane.orders).toHaveLength(2);
    lab.clock.advance(HOUR_MS);
    expect(lab.plane.orders).toHaveLength(2);
  });

  it('is refused for what is complete or runs, and when manifest or destination are gone', async () => {
    const done = await running();
    expect(await codeOf(lab.call('send.retryTransfer', { transferId: done }))).toBe('conflict');
    lab.plane.end(done, COMPLETE);
    await lab.call('send.waitForTransfer', { transferId: done });
    expect(await codeOf(lab.call('send.retryTransfer', { transferId: done }))).toBe('conflict');
    const { transferId, manifestId } = await lab.transfer({ size: 7 });
    await lab.call('send.cancelTransfer', { transferId });
    lab.plane.end(transferId, CANCELLED);
    await lab.settled();
    await lab.call('send.deleteManifest', { manifestId });
    expect(await codeOf(lab.call('send.retryTransfer', { transferId }))).toBe('not_found');
  });
});

describe('failTransfer', () => {
  it('ends a transfer with the given message and keeps what the receiver has', async () => {
    const transferId = await running();
    const errorMessage = 'The edit is not approved';
    const failed = await lab.call('send.failTransfer', { transferId, errorMessage });
    expect(failed).toMatchObject({ status: 'error', errorCode: 'failed_by_user', errorMessage });
    expect(lab.plane.stopped).toMatchObject([{ transferId, aftermath: 'keep' }]);
    lab.plane.end(transferId, CANCELLED);
    await lab.settled();
    expect(await lab.show(transferId)).toMatchObject({ status: 'error', errorMessage });
    const shown = await lab.call('send.getDestination', { destinationId: 'receiver01:8886' });
    expect(shown.lastErrorMessage).toBeNull();
  });
});

describe('updateTransfer', () => {
  it('moves a waiting transfer in the queue', async () => {
    const blocker = await lab.transfer();
    await lab.sent(blocker.transferId);
    const ids: string[] = [];
    for (let index = 0; index < 3; index += 1) ids.push((await lab.transfer()).transferId);
    const [first, second, third] = ids as [string, string, string];
    await lab.call('send.updateTransfer', { transferId: third, priority: 10 });
    await lab.call('send.updateTransfer', { transferId: first, priority: 200 });
    lab.plane.events.sendStarted(blocker.transferId, peerOf(1));
    expect(lab.plane.running).toEqual([blocker.transferId, third, second, first]);
  });

  it('tells the data plane about a running one, and the setting outlives the attempt', async () => {
    const transferId = await running();
    const change = { priority: 3, sendRateMax: 5000, rateControlMethod: 'background' } as const;
    const changed = await lab.call('send.updateTransfer', { transferId, ...change });
    expect(changed).toMatchObject(change);
    expect(lab.plane.updates.at(-1)).toMatchObject({
      ...{ transferId, priority: 3, rateMaxKbps: 5000, policy: 'background' },
    });
    lab.plane.end(transferId, BROKEN);
    lab.clock.advance(1000);
    expect(lab.plane.order(transferId)).toMatchObject({ rateMaxKbps: 5000, priority: 3 });
    const cleared = { sendRateMax: 0, rateControlMethod: 'destination' } as const;
    const shown = await lab.call('send.updateTransfer', { transferId, ...cleared });
    expect(shown).toMatchObject({ sendRateMax: null, rateControlMethod: null, priority: 3 });
  });

  it('refuses "fixed" without any ceiling, and what has ended', async () => {
    const transferId = await running();
    const fixed = { transferId, rateControlMethod: 'fixed' } as const;
    expect(await codeOf(lab.call('send.updateTransfer', fixed))).toBe('invalid_params');
    await lab.call('send.updateTransfer', { ...fixed, sendRateMax: 1000 });
    lab.plane.end(transferId, COMPLETE);
    await lab.settled();
    expect(await codeOf(lab.call('send.updateTransfer', { transferId }))).toBe('conflict');
  });

  it('setSendRateAsync sets the ceiling; its result is the transfer', async () => {
    const transferId = await running();
    const result = await lab.finish('send.setSendRateAsync', { transferId, sendRateMax: 900 });
    expect(result).toMatchObject({ transferId, sendRateMax: 900, blockSize: 256 });
    expect(lab.plane.updates.at(-1)).toMatchObject({ rateMaxKbps: 900 });
  });
});

describe('updateDestination', () => {
  it('changes ceiling and policy of running transfers, and is kept', async () => {
    const transferId = await running();
    const destinationId = 'receiver01:8886';
    const change = { sendRateMax: 7000, rateControlMethod: 'high' } as const;
    const changed = await lab.call('send.updateDestination', { destinationId, ...change });
    expect(changed).toMatchObject(change);
    expect(lab.plane.updates.at(-1)).toMatchObject({
      transferId,
      destination: { rateMaxKbps: 7000, policy: 'high' },
    });
    await lab.restart();
    expect(await lab.call('send.getDestination', { destinationId })).toMatchObject(change);
    const none = await lab.call('send.updateDestination', { destinationId, sendRateMax: 0 });
    expect(none.sendRateMax).toBeNull();
  });
});

describe('getConnection', () => {
  it('shows what all destinations at one address share', async () => {
    const first = await running();
    const other = { destinationAddress: 'receiver01', sendRateMax: 500 };
    const second = await lab.call('send.createDestination', other);
    lab.plane.events.sendProgress(first, progressOf({ sendRateKbps: 80, roundTripTimeMs: 20 }));
    const connectionId = 'receiver01:8886';
    const shown = await lab.call('send.getConnection', { connectionId });
    expect(shown).toMatchObject({
      ...{ connectionId, destinationPort: 8886, encryptedConnectionState: 'connected' },
      ...{ sendRate: 80, roundTripTimeMs: 20, relayIP: null, lastDestinationServerUid: 'uid-1' },
    });
    expect(shown.destinationIds).toEqual([connectionId, second.destinationId]);
    expect(await lab.call('send.getConnections', {})).toEqual([shown]);
    const stranger = lab.caller({ userName: 'other' });
    expect(await lab.call('send.getConnections', {}, stranger)).toEqual([]);
    expect(await codeOf(lab.call('send.getConnection', { connectionId }, stranger))).toBe(
      'not_found',
    );
  });
});

describe('user data', () => {
  it('of manifests, destinations and transfers are set, merged, removed and kept', async () => {
    const transferId = await running();
    const { manifestId, destinationId } = await lab.show(transferId);
    const objects = [
      { objectType: 'manifest', objectId: manifestId },
      { objectType: 'destination', objectId: destinationId },
      { objectType: 'transfer', objectId: transferId },
    ] as const;
    for (const object of objects) {
      const set = { ...object, userData: { shot: 12, tags: ['a'] } };
      await lab.call('send.updateObjectUserData', set);
      const more = { ...object, userData: { shot: 13, note: null } };
      expect(await lab.call('send.updateObjectUserData', more)).toEqual({
        ...{ shot: 13, tags: ['a'], note: null },
      });
      const gone = await lab.call('send.deleteObjectUserData', { ...object, key: 'tags' });
      expect(gone).toEqual({ shot: 13, note: null });
      const stranger = lab.caller({ userName: 'other' });
      expect(await codeOf(lab.call('send.updateObjectUserData', set, stranger))).toBe('not_found');
    }
    lab.plane.end(transferId, COMPLETE);
    await lab.settled();
    const [, , transfer] = objects;
    await lab.call('send.updateObjectUserData', { ...transfer, userData: { done: true } });
    await lab.restart();
    const userData = { shot: 13, note: null };
    expect((await lab.show(transferId)).userData).toEqual({ ...userData, done: true });
    expect((await lab.call('send.getManifest', { manifestId })).userData).toEqual(userData);
    expect((await lab.call('send.getDestination', { destinationId })).userData).toEqual(userData);
  });

  it('are limited', async () => {
    const { manifestId } = await lab.manifest();
    const object = { objectType: 'manifest', objectId: manifestId } as const;
    const large = { ...object, userData: { text: 'x'.repeat(70_000) } };
    expect(await codeOf(lab.call('send.updateObjectUserData', large))).toBe('conflict');
    expect((await lab.call('send.getManifest', { manifestId })).userData).toEqual({});
  });
});

describe('retryDays', () => {
  it('says how long a transfer is tried, and 0 that it is tried once', async () => {
    const once = await running({ retryDays: 0 });
    lab.plane.end(once, BROKEN);
    expect(await lab.show(once)).toMatchObject({
      ...{ status: 'error', errorCode: 'flow_failed', retryDays: 0 },
      errorMessage: 'broke; not tried again, because "retryDays" is 0',
    });
    const long = await running({ retryDays: 30 });
    lab.plane.end(long, BROKEN);
    lab.clock.advance(29 * 24 * HOUR_MS);
    lab.plane.end(long, BROKEN);
    expect((await lab.show(long)).status).toBe('queued');
  });
});

describe('pages of getTransfers', () => {
  it('follow one another by the last id, from either end', async () => {
    const ids: string[] = [];
    const { manifestId } = await lab.manifest();
    for (let index = 0; index < 5; index += 1) {
      ids.push((await lab.transfer({ manifestId })).transferId);
    }
    const page = async (params: object): Promise<string[]> =>
      (await lab.call('send.getTransfers', params)).map(({ transferId }) => transferId);
    expect(await page({ limit: 2 })).toEqual(ids.slice(0, 2));
    expect(await page({ limit: 2, after: ids[1] })).toEqual(ids.slice(2, 4));
    const newest = [...ids].reverse();
    expect(await page({ order: 'newest', limit: 3 })).toEqual(newest.slice(0, 3));
    expect(await page({ order: 'newest', after: ids[2] })).toEqual(newest.slice(3));
  });
});

describe('what is not persistent', () => {
  it('is forgotten at the start of the server, and nothing else', async () => {
    const config = { persistentTransfers: false, persistentDestinations: false };
    const forgetful = await DomainLab.open(config);
    try {
      const { transferId, manifestId } = await forgetful.transfer();
      await forgetful.restart();
      expect(await codeOf(forgetful.show(transferId))).toBe('not_found');
      expect(await forgetful.call('send.getDestinations', {})).toEqual([]);
      expect(await forgetful.call('send.getManifest', { manifestId })).toMatchObject({
        status: 'complete',
      });
    } finally {
      await forgetful.close();
    }
  });

  it('a transfer whose destination was forgotten ends with an error that says so', async () => {
    const forgetful = await DomainLab.open({ persistentDestinations: false });
    try {
      const { transferId } = await forgetful.transfer();
      await forgetful.restart();
      expect(await forgetful.call('send.waitForTransfer', { transferId })).toMatchObject({
        ...{ status: 'error', errorCode: 'not_found' },
      });
    } finally {
      await forgetful.close();
    }
  });
});
