import type { TransferStructure } from '@jetstream/contract';
import { expect, it } from 'vitest';
import { expectLoginNeeded, openSessions } from '../harness/sessions.js';
import { openSending } from '../harness/transfers.js';

const sessions = openSessions();
const sending = openSending(sessions);

const idsOf = async (params: object = {}, role: 'user' | 'other' | 'wrangler' = 'user') => {
  const session = await sessions.as(role);
  const all = await session.call<TransferStructure[]>('send.getTransfers', { ...params });
  return all.map(({ transferId }) => transferId);
};

it('returns the transfers that the caller may see, oldest first', async () => {
  const first = await sending.waitingTransfer();
  const second = await sending.waitingTransfer();
  const ids = await idsOf();
  expect(ids.indexOf(second.transferId)).toBe(ids.indexOf(first.transferId) + 1);
  expect(await idsOf({}, 'other')).not.toContain(first.transferId);
  expect(await idsOf({}, 'wrangler')).toContain(first.transferId);
});

it('goes through pages from either end by the last id', async () => {
  const made: string[] = [];
  for (let count = 0; count < 3; count += 1) {
    made.push((await sending.waitingTransfer()).transferId);
  }
  const [first, second, third] = made as [string, string, string];
  expect(await idsOf({ after: first, limit: 1 })).toEqual([second]);
  const newest = { order: 'newest', limit: 2 };
  expect(await idsOf(newest)).toEqual([third, second]);
  expect((await idsOf({ ...newest, after: second }))[0]).toBe(first);
});

it('needs a login', () => expectLoginNeeded(sessions, 'send.getTransfers'));
