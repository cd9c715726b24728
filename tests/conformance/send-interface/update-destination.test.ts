import type { DestinationStructure } from '@jetstream/contract';
import { expect, it } from 'vitest';
import { expectLoginNeeded, failure, openSessions } from '../harness/sessions.js';
import { openSending } from '../harness/transfers.js';

const sessions = openSessions();
const sending = openSending(sessions);

it('changes ceiling and policy, and leaves what is absent', async () => {
  const user = await sessions.as('user');
  const { destinationId } = await sending.nowhere({ destinationPort: 1006 });
  const update = (change: object): Promise<DestinationStructure> =>
    user.call('send.updateDestination', { destinationId, ...change });
  expect(await update({ sendRateMax: 5000 })).toMatchObject({ sendRateMax: 5000 });
  const fixed = { sendRateMax: 5000, rateControlMethod: 'fixed', rateControllerActive: false };
  expect(await update({ rateControlMethod: 'fixed' })).toMatchObject(fixed);
  expect(await update({})).toMatchObject(fixed);
  await expect(update({ sendRateMax: 0 })).rejects.toMatchObject(failure('invalid_params'));
  const free = { sendRateMax: 0, rateControlMethod: 'background' };
  expect(await update(free)).toMatchObject({ ...free, sendRateMax: null });
});

it('shows nothing of it to other users, everything to wranglers and superusers', async () => {
  const { destinationId } = await sending.nowhere({ destinationPort: 1006 });
  const params = { destinationId, sendRateMax: 900 };
  const other = await sessions.as('other');
  await expect(other.call('send.updateDestination', params)).rejects.toMatchObject(
    failure('not_found'),
  );
  const token = await sessions.as('token');
  await expect(token.call('send.updateDestination', params)).rejects.toMatchObject(
    failure('not_found'),
  );
  for (const role of ['wrangler', 'superuser'] as const) {
    const session = await sessions.as(role);
    await expect(session.call('send.updateDestination', params), role).resolves.toBeDefined();
  }
});

it('needs a login and an object that exists', async () => {
  await expectLoginNeeded(sessions, 'send.updateDestination', {
    destinationId: 'nowhere.example:1',
  });
  const user = await sessions.as('user');
  await expect(
    user.call('send.updateDestination', { destinationId: 'nowhere.example:1' }),
  ).rejects.toMatchObject(failure('not_found'));
  await expect(user.call('send.updateDestination')).rejects.toMatchObject(
    failure('invalid_params'),
  );
});
