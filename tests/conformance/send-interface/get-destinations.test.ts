import type { DestinationStructure } from '@jetstream/contract';
import { expect, it } from 'vitest';
import { expectLoginNeeded, openSessions } from '../harness/sessions.js';
import { openSending } from '../harness/transfers.js';

const sessions = openSessions();
const sending = openSending(sessions);

it('returns the destinations that the caller may see, oldest first', async () => {
  const first = await sending.nowhere({ destinationPort: 1004 });
  const second = await sending.nowhere({ destinationPort: 1005 });
  const idsOf = async (role: 'user' | 'other' | 'wrangler'): Promise<string[]> => {
    const session = await sessions.as(role);
    const all = await session.call<DestinationStructure[]>('send.getDestinations');
    return all.map(({ destinationId }) => destinationId);
  };
  const own = await idsOf('user');
  expect(own.indexOf(second.destinationId)).toBeGreaterThan(own.indexOf(first.destinationId));
  expect(own).toContain(first.destinationId);
  expect(await idsOf('other')).not.toContain(first.destinationId);
  expect(await idsOf('wrangler')).toContain(first.destinationId);
});

it('needs a login', () => expectLoginNeeded(sessions, 'send.getDestinations'));
