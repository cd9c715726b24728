import { describe, expect, it } from 'vitest';
import { ManualClock } from '../adapters/clock/manual-clock.js';
import { silentLogger } from '../adapters/log/logger.js';
import type { ReceiveRecord } from './receive-record.js';
import { RIGHT_RECHECK_MS, RightRechecks } from './right-rechecks.js';

const arriving = (id: string, ownerToken: string | null): ReceiveRecord =>
  ({ id, owner: 'ann', ownerToken }) as ReceiveRecord;

const setUp = (isOver: (owner: string, tokenId: string) => Promise<boolean>) => {
  const clock = new ManualClock();
  const refused: string[] = [];
  const records = [arriving('1', 'good'), arriving('2', 'over'), arriving('3', null)];
  const rechecks = new RightRechecks({
    receive: {
      activeRecords: () => records,
      refuseActive: (hasLost) => {
        refused.push(...records.filter(hasLost).map(({ id }) => id));
      },
    },
    tokens: { isUploadOver: isOver },
    clock,
    log: silentLogger,
  });
  rechecks.start();
  const pass = async (milliseconds: number): Promise<void> => {
    clock.advance(milliseconds);
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { rechecks, refused, pass };
};

describe('RightRechecks: attack 14 (File Browser #5216), files that arrive', () => {
  it('refuses what a token let in that has expired or whose owner is locked, and nothing else', async () => {
    const { rechecks, refused, pass } = setUp(async (_owner, tokenId) => tokenId === 'over');
    await pass(RIGHT_RECHECK_MS - 1);
    expect(refused).toEqual([]);
    await pass(1);
    expect(refused).toEqual(['2']);
    rechecks.stop();
    await pass(RIGHT_RECHECK_MS);
    expect(refused).toEqual(['2']);
  });

  it('lets everything go on where there is no answer', async () => {
    const { refused, pass } = setUp(async (_owner, tokenId) => {
      if (tokenId === 'good') throw new Error('no answer');
      return true;
    });
    await pass(RIGHT_RECHECK_MS);
    expect(refused).toEqual(['2']);
  });
});
