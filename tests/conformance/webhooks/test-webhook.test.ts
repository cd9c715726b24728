import { expect, it } from 'vitest';
import { expectSuperuserOnly, openSessions } from '../harness/sessions.js';

const sessions = openSessions();

it('tells how an attempt went, and leaves no delivery', async () => {
  const superuser = await sessions.as('superuser');
  // A name for this machine: it is refused after it was resolved.
  const params = { url: 'http://localhost:1/', events: ['receiveComplete'] };
  const { webhookId } = await superuser.call<{ webhookId: string }>('createWebhook', params);
  expect(await superuser.call('testWebhook', { webhookId })).toEqual({
    delivered: false,
    httpStatus: null,
    errorMessage: expect.stringContaining('is a loopback, link-local or private address') as string,
  });
  expect(await superuser.call('getWebhookDeliveries', { webhookId })).toMatchObject({
    deliveries: [],
  });
  await superuser.call('deleteWebhook', { webhookId });
});

it('is for superusers', () => expectSuperuserOnly(sessions, 'testWebhook', { webhookId: 'wh_1' }));
