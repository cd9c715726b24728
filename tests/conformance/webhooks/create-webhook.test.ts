import { afterAll, expect, it } from 'vitest';
import { expectSuperuserOnly, failure, openSessions } from '../harness/sessions.js';

const sessions = openSessions();
const URL_TEXT = 'https://hooks.example/jetstream';

interface Webhook {
  readonly webhookId: string;
  readonly secret?: string;
}

const made: string[] = [];
const create = async (params: object): Promise<Webhook> => {
  const superuser = await sessions.as('superuser');
  const webhook = await superuser.call<Webhook>('createWebhook', { ...params });
  made.push(webhook.webhookId);
  return webhook;
};
afterAll(async () => {
  const superuser = await sessions.as('superuser');
  for (const webhookId of made) await superuser.call('deleteWebhook', { webhookId });
});

it('returns the structure with a secret of its own, and the one that was given', async () => {
  const webhook = await create({ url: URL_TEXT, events: ['receiveComplete'], description: 'x' });
  expect(webhook).toEqual({
    webhookId: expect.stringMatching(/^wh_[0-9a-f]{24}$/) as string,
    url: URL_TEXT,
    events: ['receiveComplete'],
    description: 'x',
    creationTime: expect.any(Number) as number,
    lastEventSeq: expect.any(Number) as number,
    secret: expect.stringMatching(/^whsec_[A-Za-z0-9+/]+=*$/) as string,
  });
  const secret = `whsec_${Buffer.alloc(24, 7).toString('base64')}`;
  expect(await create({ url: URL_TEXT, events: ['*'], secret })).toMatchObject({ secret });
});

it.each([
  { url: 'http://127.0.0.1/', events: ['*'] },
  { url: 'http://[::1]/', events: ['*'] },
  { url: 'http://169.254.169.254/', events: ['*'] },
  { url: 'ftp://hooks.example/', events: ['*'] },
  { url: 'https://user:word@hooks.example/', events: ['*'] },
  { url: URL_TEXT, events: [] },
  { url: URL_TEXT, events: ['noSuchEvent'] },
  { url: URL_TEXT, events: ['webhookGivenUp'] },
  { url: URL_TEXT, events: ['*'], secret: 'short' },
])('refuses $url, $events', async (params) => {
  const superuser = await sessions.as('superuser');
  const refused = superuser.call('createWebhook', params);
  await expect(refused).rejects.toMatchObject(failure('invalid_params'));
});

it('is for superusers', () =>
  expectSuperuserOnly(sessions, 'createWebhook', { url: URL_TEXT, events: ['*'] }));
