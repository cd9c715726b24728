import { afterAll, beforeAll, expect, it } from 'vitest';
import { expectSuperuserOnly, openSessions, until } from '../harness/sessions.js';

const sessions = openSessions();

interface Page {
  readonly deliveries: readonly { readonly deliveryId: number; readonly eventName: string }[];
  readonly nextBeforeId: number | null;
}

let webhookId: string;
beforeAll(async () => {
  const superuser = await sessions.as('superuser');
  // Nobody answers there, so that deliveries wait.
  const params = { url: 'https://hooks.invalid/', events: ['externalAddressSet'] };
  ({ webhookId } = await superuser.call<{ webhookId: string }>('createWebhook', params));
  for (let n = 0; n < 3; n += 1) {
    await superuser.call('setExternalAddress', { address: `files${n}.example` });
  }
});
afterAll(async () => {
  await (await sessions.as('superuser')).call('deleteWebhook', { webhookId });
});

const page = async (params: object): Promise<Page> =>
  (await sessions.as('superuser')).call<Page>('getWebhookDeliveries', { webhookId, ...params });

it('lists deliveries in pages, latest first', async () => {
  await until('three are listed', async () => (await page({})).deliveries.length === 3);
  const all = await page({});
  expect(all.nextBeforeId).toBeNull();
  for (const delivery of all.deliveries) {
    expect(delivery).toMatchObject({ eventName: 'externalAddressSet', status: 'pending' });
  }
  const ids = all.deliveries.map(({ deliveryId }) => deliveryId);
  expect(ids).toEqual(ids.toSorted((a, b) => b - a));
  const first = await page({ limit: 2 });
  const second = await page({ limit: 2, beforeId: first.nextBeforeId });
  const paged = [...first.deliveries, ...second.deliveries];
  expect(paged.map(({ deliveryId }) => deliveryId)).toEqual(ids);
});

it('is for superusers', () => expectSuperuserOnly(sessions, 'getWebhookDeliveries', { webhookId }));
