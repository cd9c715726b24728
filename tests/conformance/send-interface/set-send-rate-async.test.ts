import type { TransferStructure } from '@jetstream/contract';
import { expect, it } from 'vitest';
import { expectLoginNeeded, failure, openSessions } from '../harness/sessions.js';
import { openSending } from '../harness/transfers.js';

const sessions = openSessions();
const sending = openSending(sessions);

it('returns a request whose result is the transfer', async () => {
  const user = await sessions.as('user');
  const { transferId } = await sending.waitingTransfer();
  const params = { transferId, sendRateMax: 12_345 };
  const { requestId } = await user.call<{ requestId: number }>('send.setSendRateAsync', params);
  const transfer = await user.call<TransferStructure>('getRequestResult', { requestId });
  expect(transfer).toMatchObject({ transferId, sendRateMax: 12_345, blockSize: 256 });
  expect(await user.call('getRequestStatus', { requestId })).toMatchObject({ processing: false });
});

it('needs a login; its request raises for what does not exist', async () => {
  const params = { transferId: 'f'.repeat(32), sendRateMax: 100 };
  await expectLoginNeeded(sessions, 'send.setSendRateAsync', params);
  const user = await sessions.as('user');
  const unknown = user.result('send.setSendRateAsync', params);
  await expect(unknown).rejects.toMatchObject(failure('not_found'));
  const missing = user.call('send.setSendRateAsync', { transferId: params.transferId });
  await expect(missing).rejects.toMatchObject(failure('invalid_params'));
});
