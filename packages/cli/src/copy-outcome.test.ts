import type { TransferStructure } from '@jetstream/contract';
import { describe, expect, it } from 'vitest';
import { copyOutcome, summaryText } from './copy-outcome.js';
import { EXIT } from './exit-codes.js';
import { failureOf } from './failure.js';
import type { LeftOut } from './left-out.js';
import type { Terminal } from './terminal.js';

const transfer = (change: Partial<TransferStructure>): TransferStructure =>
  ({
    transferId: 'x',
    status: 'complete',
    errorCode: null,
    errorMessage: '',
    totalFiles: 2,
    totalBytes: 1_000_000_000,
    startTime: 1_000_000,
    endTime: 9_000_000,
    path: 'native',
    pathReason: null,
    fileErrors: [],
    ...change,
  }) as unknown as TransferStructure;

interface OutcomeFlags {
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly leftOut?: LeftOut;
}

const outcome = (change: Partial<TransferStructure>, flags: OutcomeFlags = {}) => {
  const written = { out: '', err: '' };
  const terminal = {
    out: (text: string) => {
      written.out += text;
    },
    err: (text: string) => {
      written.err += text;
    },
  } as unknown as Terminal;
  const { leftOut = null } = flags;
  const result = { transfer: transfer(change), leftOut, receiptPath: '/r', elapsedSeconds: 20 };
  try {
    copyOutcome(terminal, result, flags);
    return { ...written, failure: null };
  } catch (error) {
    return { ...written, failure: failureOf(error) };
  }
};

describe('copyOutcome', () => {
  it('sums up with the time and the rate of the transfer itself', () => {
    const result = {
      transfer: transfer({}),
      leftOut: null,
      receiptPath: null,
      elapsedSeconds: 20,
    };
    expect(summaryText(result)).toBe('Copied 2 files, 1.0 GB in 0:08 at 1.0 Gbit/s (native)');
    expect(outcome({}).err).toContain('Receipt /r\n');
  });

  it('names failed files, with an exit code of their own', () => {
    const fileErrors = Array.from({ length: 12 }, (_, index) => ({
      destPath: `/f${index}`,
      code: 'io_error',
      message: 'Cannot read it',
    }));
    const { failure } = outcome({ status: 'error', fileErrors, errorMessage: '12 of 20 failed' });
    expect(failure?.exitCode).toBe(EXIT.someFilesFailed);
    expect(failure?.message).toContain('12 of 20 failed');
    expect(failure?.hint).toContain('/f0: Cannot read it (io_error)');
    expect(failure?.hint).toContain('and 2 more');
  });

  it('names what was left out, also with --quiet and beside a failure', () => {
    const entries = Array.from({ length: 12 }, (_, index) => ({
      path: `/p${index}\n`,
      reason: 'it is a named pipe',
    }));
    const leftOut = { count: 200, entries };
    const { err } = outcome({}, { quiet: true, leftOut });
    const lines = err.split('\n');
    expect(lines[0]).toBe('Left out 200 entries:');
    expect(lines[1]).toBe('  /p0\\n: it is a named pipe');
    expect(lines.slice(11)).toEqual(['  and 190 more', '']);
    const one = { count: 1, entries: entries.slice(0, 1) };
    const failed = outcome({ status: 'error', errorCode: 'flow_failed' }, { leftOut: one });
    expect(failed.err).toContain('Left out 1 entry:');
    expect(failed.failure).not.toBeNull();
    const { out, err: nothing } = outcome({}, { json: true, leftOut });
    expect(JSON.parse(out)).toMatchObject({ skippedCount: 200, skipped: entries });
    expect(nothing).toBe('');
    expect(JSON.parse(outcome({}, { json: true }).out)).toMatchObject({ skippedCount: null });
    expect(outcome({}, { quiet: true }).err).toBe('');
  });

  it('fails with the code of the transfer', () => {
    const refused = { status: 'error', errorCode: 'peer_refused', errorMessage: 'No' } as const;
    expect(outcome(refused).failure).toMatchObject({ exitCode: EXIT.refused, message: 'No' });
    const unknown = { status: 'error', errorCode: 'strange' } as const;
    expect(outcome(unknown).failure?.exitCode).toBe(EXIT.failed);
  });

  it('writes one record with --json, also for a failure', () => {
    expect(JSON.parse(outcome({}, { json: true }).out)).toMatchObject({
      event: 'complete',
      receiptPath: '/r',
      totalFiles: 2,
    });
    const failed = outcome({ status: 'error', errorCode: 'flow_failed' }, { json: true });
    expect(JSON.parse(failed.out)).toMatchObject({ event: 'error', status: 'error' });
    expect(failed.failure?.exitCode).toBe(EXIT.connection);
  });
});
