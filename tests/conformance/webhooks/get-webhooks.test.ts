import { expect, it } from 'vitest';
import { expectSuperuserOnly, openSessions } from '../harness/sessions.js';

const sessions = openSessions();

it('lists webhooks, never with a secret', async () => {
  const superuser = await sessions.as('superuser');
  const params = { url: 'https://hooks.example/list', events: ['receiveComplete'] };
  const { webhookId, secret } = await superuser.call<Record<string, string>>(
    'createWebhook',
    params,
  );
  const list = await superuser.call<object[]>('getWebhooks');
  expect(list).toContainEqual(expect.objectContaining({ webhookId, ...params }));
  expect(JSON.stringify(list)).not.toContain(secret);
  await superuser.call('deleteWebhook', { webhookId });
});

it('is for superusers', () => expectSuperuserOnly(sessions, 'getWebhooks'));
