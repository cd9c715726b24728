import type { SourceStructure } from '@jetstream/contract';
import { expect, it } from 'vitest';
import { aNumber, aString } from '../harness/matchers.js';
import { expectLoginNeeded, openSessions } from '../harness/sessions.js';
import { hasPeer, openSending } from '../harness/transfers.js';

const sessions = openSessions();
const sending = openSending(sessions);

it.skipIf(!hasPeer)('returns the sending servers, with the keys of the page', async () => {
  const user = await sessions.as('user');
  const { transferId } = await sending.transfer();
  await sending.ended(transferId);
  const { publicKey } = await user.call<{ publicKey: string }>('getServerInfo');
  const { session } = await sending.receiver();
  const sources = await session.result<SourceStructure[]>('recv.getSourcesAsync');
  const source = sources.find(({ destinationPublicKey }) => destinationPublicKey === publicKey);
  expect(source).toMatchObject({
    ...{ sourceIP: aString, sourcePort: aNumber, encryptionEnabled: true },
    ...{ activeTransferCount: aNumber, inactiveTransferCount: aNumber },
    ...{ errorTransferCount: aNumber, aveRecvRate: aNumber },
    aveRecvRateWindow: aNumber,
  });
  expect(source?.completeTransferCount).toBeGreaterThan(0);
  expect(['disconnected', 'negotiating', 'connected']).toContain(source?.encryptedConnectionState);
});

it('needs a login', () => expectLoginNeeded(sessions, 'recv.getSourcesAsync'));
