import type { ReceiveTransferStructure } from '@jetstream/contract';
import { expect, it } from 'vitest';
import { aNumber, aString } from '../harness/matchers.js';
import { expectLoginNeeded, openSessions } from '../harness/sessions.js';
import { hasPeer, openSending } from '../harness/transfers.js';

const sessions = openSessions();
const sending = openSending(sessions);

it.skipIf(!hasPeer)('returns received transfers, with the keys of the page', async () => {
  const { transferId } = await sending.transfer();
  await sending.ended(transferId);
  const { session } = await sending.receiver();
  const all = await session.result<ReceiveTransferStructure[]>('recv.getTransfersAsync');
  const received = all.find((transfer) => transfer.transferId === transferId);
  expect(received).toMatchObject({
    ...{ status: 'complete', totalSize: 1000, destinationPath: aString },
    ...{ sourceIP: aString, sourcePort: aNumber, lastErrorTime: null },
    ...{ lastRecvTime: aNumber, lastSendTime: aNumber },
  });
});

it.skipIf(!hasPeer)('goes through pages from either end by the last id', async () => {
  const made: string[] = [];
  for (let count = 0; count < 2; count += 1) {
    const { transferId } = await sending.transfer();
    await sending.ended(transferId);
    made.push(transferId);
  }
  const { session } = await sending.receiver();
  const idsOf = async (params: object): Promise<string[]> => {
    const page = await session.result<ReceiveTransferStructure[]>('recv.getTransfersAsync', {
      ...params,
    });
    return page.map(({ transferId }) => transferId);
  };
  expect(await idsOf({ order: 'newest', limit: 2 })).toEqual([...made].reverse());
  expect(await idsOf({ after: made[0], limit: 1 })).toEqual([made[1]]);
});

it('needs a login', () => expectLoginNeeded(sessions, 'recv.getTransfersAsync'));
