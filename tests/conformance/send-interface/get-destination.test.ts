import { expect, it } from 'vitest';
import { expectLoginNeeded, failure, openSessions } from '../harness/sessions.js';
import { openSending } from '../harness/transfers.js';

const sessions = openSessions();
const sending = openSending(sessions);

it('returns a destination, by id or by structure', async () => {
  const user = await sessions.as('user');
  const made = await sending.nowhere({ destinationPort: 1003 });
  const { destinationId } = made;
  expect(await user.call('send.getDestination', { destinationId })).toEqual(made);
  expect(await user.call('send.getDestination', { destinationId: made })).toEqual(made);
});

it('shows nothing of it to other users, everything to wranglers and superusers', async () => {
  const { destinationId } = await sending.nowhere({ destinationPort: 1003 });
  const params = { destinationId };
  const other = await sessions.as('other');
  await expect(other.call('send.getDestination', params)).rejects.toMatchObject(
    failure('not_found'),
  );
  const token = await sessions.as('token');
  await expect(token.call('send.getDestination', params)).rejects.toMatchObject(
    failure('not_found'),
  );
  for (const role of ['wrangler', 'superuser'] as const) {
    const session = await sessions.as(role);
    await expect(session.call('send.getDestination', params), role).resolves.toBeDefined();
  }
});

it('needs a login and an object that exists', async () => {
  await expectLoginNeeded(sessions, 'send.getDestination', { destinationId: 'nowhere.example:1' });
  const user = await sessions.as('user');
  await expect(
    user.call('send.getDestination', { destinationId: 'nowhere.example:1' }),
  ).rejects.toMatchObject(failure('not_found'));
  await expect(user.call('send.getDestination')).rejects.toMatchObject(failure('invalid_params'));
});
