import { expect, it } from 'vitest';
import { expectSuperuserOnly, failure, openSessions } from '../harness/sessions.js';

const sessions = openSessions();

it('deletes a webhook, by id or structure, once', async () => {
  const superuser = await sessions.as('superuser');
  const params = { url: 'https://hooks.example/delete', events: ['receiveComplete'] };
  const webhook = await superuser.call<{ webhookId: string }>('createWebhook', params);
  expect(await superuser.call('deleteWebhook', { webhookId: webhook })).toBeNull();
  const { webhookId } = webhook;
  for (const method of ['deleteWebhook', 'testWebhook', 'getWebhookDeliveries']) {
    await expect(superuser.call(method, { webhookId })).rejects.toMatchObject(failure('not_found'));
  }
});

it('is for superusers', () =>
  expectSuperuserOnly(sessions, 'deleteWebhook', { webhookId: 'wh_1' }));
