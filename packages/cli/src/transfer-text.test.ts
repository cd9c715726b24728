import type { TransferStructure } from '@jetstream/contract';
import { describe, expect, it } from 'vitest';
import { transferLine } from './transfer-text.js';

const transfer = (change: Partial<TransferStructure>): TransferStructure =>
  ({
    transferId: 'ab'.repeat(16),
    status: 'active',
    totalBytes: 2_000_000,
    bytesDurable: 1_500_000,
    priority: 100,
    destinationId: 'receiver01:8886',
    sendRate: 8000,
    etaSeconds: 12,
    bottleneck: 'network',
    errorMessage: '',
    ...change,
  }) as TransferStructure;

describe('transferLine', () => {
  it('shows rate, time to go and bottleneck of an active transfer', () => {
    expect(transferLine(transfer({}))).toBe(
      `${'ab'.repeat(16)}  active      75 %    2.0 MB   100  receiver01:8886  8.0 Mbit/s, 0:12 to go (network)\n`,
    );
  });

  it('shows why another one does not go on, with control characters made visible', () => {
    const line = transferLine(transfer({ status: 'error', errorMessage: 'no\u001b[2J room' }));
    expect(line).toContain('  error  ');
    expect(line).toContain('no\\x1b[2J room');
  });

  it('has no rest for what is complete or empty', () => {
    expect(transferLine(transfer({ status: 'complete' }))).toMatch(/100 % .*receiver01:8886\n$/);
    expect(transferLine(transfer({ totalBytes: 0, bytesDurable: 0 }))).toContain('   0 %');
  });
});
