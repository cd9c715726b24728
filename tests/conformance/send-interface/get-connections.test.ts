import type { ConnectionStructure } from '@jetstream/contract';
import { expect, it } from 'vitest';
import { expectLoginNeeded, openSessions } from '../harness/sessions.js';
import { openSending } from '../harness/transfers.js';

const sessions = openSessions();
const sending = openSending(sessions);

it('returns the connections that the caller may see', async () => {
  await sending.nowhere({ destinationPort: 1010 });
  const idsOf = async (role: 'user' | 'other' | 'wrangler'): Promise<string[]> => {
    const session = await sessions.as(role);
    const all = await session.call<ConnectionStructure[]>('send.getConnections');
    return all.map(({ connectionId }) => connectionId);
  };
  expect((await idsOf('user')).filter((id) => id === '127.0.0.1:1010')).toHaveLength(1);
  expect(await idsOf('other')).not.toContain('127.0.0.1:1010');
  expect(await idsOf('wrangler')).toContain('127.0.0.1:1010');
});

it('needs a login', () => expectLoginNeeded(sessions, 'send.getConnections'));
