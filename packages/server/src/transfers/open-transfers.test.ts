import { describe, expect, it } from 'vitest';
import { ManualClock } from '../adapters/clock/manual-clock.js';
import { silentLogger } from '../adapters/log/logger.js';
import type { ManifestRecord } from '../manifests/manifest-store.js';
import { progressOf } from './attempt-samples.conformance.js';
import { LiveTransfer } from './live-transfer.js';
import { OpenTransfers } from './open-transfers.js';
import { type TransferRecord, ZERO_COUNTERS } from './transfer-record.js';

const clock = new ManualClock();

const recordOf = (change: Partial<TransferRecord>): TransferRecord =>
  ({
    ...{ id: 't', manifestId: 'm', status: 'active', isOpen: true, counters: ZERO_COUNTERS },
    ...{ totalFiles: 0, totalBytes: 0, requestTimeUs: 1, fileErrors: [] },
    ...change,
  }) as TransferRecord;

const manifestOf = (change: Partial<ManifestRecord>): ManifestRecord =>
  ({ id: 'm', status: 'pending', errorCode: null, errorMessage: '', ...change }) as ManifestRecord;

const lab = (records: readonly TransferRecord[], manifest: ManifestRecord | null) => {
  const done: unknown[] = [];
  const transfers = records.map((record) => new LiveTransfer(clock, record));
  const open = new OpenTransfers({
    log: silentLogger,
    manifests: { find: async () => manifest },
    engine: {
      unfinished: () => transfers,
      amend: async (transfer, change) => {
        done.push([transfer.id, change]);
        return transfer.structure();
      },
      end: async (transfer, end) => {
        done.push([transfer.id, end]);
        return transfer.structure();
      },
    },
  });
  return { open, done };
};

describe('OpenTransfers', () => {
  it('gives the totals of a manifest that is complete to those that wait for it', async () => {
    const records = [
      recordOf({ id: 'a' }),
      recordOf({ id: 'b', status: 'suspended' }),
      recordOf({ id: 'c', isOpen: false }),
      recordOf({ id: 'd', manifestId: 'other' }),
      recordOf({ id: 'e', status: 'cancelled' }),
    ];
    const manifest = manifestOf({ status: 'complete', totalFiles: 7, totalSize: 70 });
    const { open, done } = lab(records, manifest);
    await open.settle('m');
    const totals = { totalFiles: 7, totalBytes: 70, isOpen: false };
    expect(done).toEqual([
      ['a', totals],
      ['b', totals],
    ]);
  });

  it('ends them with the error of a manifest that has failed, and leaves nothing', async () => {
    const failure = { errorCode: 'permission_denied', errorMessage: 'Cannot list "/x"' } as const;
    const { open, done } = lab([recordOf({})], manifestOf({ status: 'error', ...failure }));
    await open.start();
    expect(done).toEqual([
      [
        't',
        {
          ...{ status: 'error', code: 'permission_denied', aftermath: 'discard' },
          message: expect.stringContaining('Cannot list "/x"') as string,
        },
      ],
    ]);
    const gone = lab([recordOf({})], null);
    await gone.open.start();
    expect(gone.done).toMatchObject([['t', { code: 'manifest_not_ready' }]]);
  });

  it('survives a store that does not answer, and says so', async () => {
    const lines: object[] = [];
    const open = new OpenTransfers({
      log: { ...silentLogger, error: (facts) => void lines.push(facts) },
      manifests: { find: () => Promise.reject(new Error('disk I/O error')) },
      engine: { unfinished: () => [], amend: () => Promise.reject(), end: () => Promise.reject() },
    });
    open.manifestEnded('m');
    await new Promise((resolve) => setImmediate(resolve));
    expect(lines).toMatchObject([{ manifestId: 'm', err: { message: 'disk I/O error' } }]);
  });

  it('leaves them alone while the manifest is being made', async () => {
    const { open, done } = lab([recordOf({})], manifestOf({}));
    await open.start();
    await open.settle('m');
    expect(done).toEqual([]);
  });
});

describe('totals of a transfer', () => {
  it('grow while the manifest is being made, never shrink, and then stay', () => {
    const open = new LiveTransfer(clock, recordOf({}));
    open.advance({ ...progressOf({ bytesDurable: 50 }), filesTotal: 4, bytesTotal: 100 });
    open.advance({ ...progressOf({ bytesDurable: 60 }), filesTotal: 0, bytesTotal: 0 });
    expect(open.structure()).toMatchObject({
      ...{ totalFiles: 4, totalBytes: 100, totalsGrow: true, bytesDurable: 60, etaSeconds: null },
    });
    const closed = new LiveTransfer(clock, recordOf({ isOpen: false, totalBytes: 80 }));
    closed.advance({ ...progressOf({}), filesTotal: 4, bytesTotal: 100 });
    expect(closed.structure()).toMatchObject({ totalBytes: 80, totalsGrow: false });
  });
});
