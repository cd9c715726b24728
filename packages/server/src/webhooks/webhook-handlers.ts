/** Methods of webhooks. The secret is told once, when the webhook is made. */
import { randomBytes } from 'node:crypto';
import { CommandError, type Params, type Result, type WebhookStructure } from '@jetstream/contract';
import type { Clock } from '../adapters/clock/clock.js';
import { closestName } from '../control/closest-name.js';
import { callerOf, type Handlers } from '../control/handler.js';
import type { EventLog } from '../events/event-log.js';
import { EVENTS } from '../events/event-names.js';
import type { Caller } from '../sessions/caller.js';
import { isTold, type WebhookCourier } from './webhook-courier.js';
import { parseWebhookUrl } from './webhook-sender.js';
import { checkWebhookSecret, makeWebhookSecret } from './webhook-signature.js';
import type { WebhookRow, WebhookStore } from './webhook-store.js';

/** Webhooks of a server. */
export const WEBHOOKS_MAX = 100;
const PAGE_DEFAULT = 100;

export type WebhookMethod =
  | 'createWebhook'
  | 'getWebhooks'
  | 'deleteWebhook'
  | 'getWebhookDeliveries'
  | 'testWebhook';

export interface WebhookServices {
  readonly store: WebhookStore;
  readonly courier: WebhookCourier;
  readonly events: EventLog;
  readonly clock: Clock;
  readonly allowPrivate: boolean;
}

const structureOf = (row: WebhookRow): WebhookStructure => ({
  webhookId: row.id,
  url: row.url,
  events: JSON.parse(row.events) as string[],
  description: row.description,
  creationTime: row.creationTimeUs,
  lastEventSeq: row.cursorSeq,
});

const checkNames = (names: readonly string[]): void => {
  for (const name of names) {
    if (name === '*' || isTold(name)) continue;
    const closest = closestName(name, Object.keys(EVENTS).filter(isTold));
    const hint = closest === null ? 'a name of docs/EVENTS.md, or "*"' : `"${closest}"`;
    throw new CommandError(
      'invalid_params',
      `Cannot use "events": ${JSON.stringify(name)} is no event that webhooks tell of, expected ${hint}`,
      { details: { parameter: 'events', actual: name } },
    );
  }
};

const find = ({ courier }: WebhookServices, webhookId: string): WebhookRow => {
  const row = courier.find(webhookId);
  if (row !== null) return row;
  throw new CommandError('not_found', `Cannot find webhook ${JSON.stringify(webhookId)}`, {
    details: { webhookId },
  });
};

const create = async (
  services: WebhookServices,
  caller: Caller,
  params: Params<'createWebhook'>,
): Promise<Result<'createWebhook'>> => {
  const { store, courier, events, clock, allowPrivate } = services;
  const url = parseWebhookUrl(params.url, allowPrivate).href;
  checkNames(params.events);
  const secret = params.secret ?? makeWebhookSecret();
  checkWebhookSecret(secret);
  if (courier.list().length >= WEBHOOKS_MAX) {
    throw new CommandError(
      'conflict',
      `Cannot create a webhook: there are ${WEBHOOKS_MAX}, expected fewer`,
    );
  }
  const id = `wh_${randomBytes(12).toString('hex')}`;
  await events.append('webhookCreated', {
    webhookId: id,
    url,
    events: params.events,
    by: caller.userName,
  });
  const row = await store.add({
    ...{ id, url, secret, events: JSON.stringify(params.events) },
    description: params.description ?? '',
    creationTimeUs: clock.nowUs(),
  });
  courier.follow(row);
  return { ...structureOf(row), secret };
};

const deliveries = async (
  services: WebhookServices,
  params: Params<'getWebhookDeliveries'>,
): Promise<Result<'getWebhookDeliveries'>> => {
  const { id } = find(services, params.webhookId);
  const limit = params.limit ?? PAGE_DEFAULT;
  const beforeId = params.beforeId ?? Number.MAX_SAFE_INTEGER;
  const page = await services.store.list(id, { beforeId, limit });
  const last = page.length < limit ? undefined : page.at(-1);
  return { webhookId: id, deliveries: page, nextBeforeId: last?.deliveryId ?? null };
};

/** Handlers over the webhooks. */
export const webhookHandlers = (services: WebhookServices): Handlers<WebhookMethod> => ({
  createWebhook: (params, call) => create(services, callerOf(call), params),
  getWebhooks: () => services.courier.list().map(structureOf),
  deleteWebhook: async ({ webhookId }, call) => {
    const { id } = find(services, webhookId);
    services.courier.leave(id);
    await services.events.append('webhookDeleted', { webhookId: id, by: callerOf(call).userName });
    await services.store.remove(id);
    return null;
  },
  getWebhookDeliveries: (params) => deliveries(services, params),
  testWebhook: async ({ webhookId }) => {
    const row = find(services, webhookId);
    const timestamp = new Date(services.clock.nowUs() / 1000).toISOString();
    const body = JSON.stringify({ type: 'test', timestamp, data: { webhookId: row.id } });
    const id = `${row.id}.test.${randomBytes(8).toString('hex')}`;
    const { httpStatus, error } = await services.courier.try(row, { id, body });
    return { delivered: error === null, httpStatus, errorMessage: error ?? '' };
  },
});
