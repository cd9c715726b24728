/** Webhooks: events that are sent to other programs over HTTP. Ours. */
import { z } from 'zod';
import { method, reference } from '../method.js';
import { webhookDelivery, webhookStructure } from '../server-structures.js';

const webhookId = reference('webhookId', z.string().min(1).max(64));

export const webhookMethods = {
  createWebhook: method({
    params: {
      url: z.string().min(1).max(2048),
      events: z.array(z.string().min(1).max(64)).min(1).max(200),
      secret: z.string().max(128).nullish(),
      description: z.string().max(256).nullish(),
    },
    required: ['url', 'events'],
    result: webhookStructure.extend({ secret: z.string() }),
    access: 'superuser',
    errors: ['conflict'],
    since: 'ours',
    summary:
      'Sends events to a URL from now on, signed; the answer is the only one that holds the secret.',
    paramDocs: {
      url: 'https or http; public addresses only, unless the server allows others',
      events: 'Names of events, see docs/EVENTS.md; `*` for all',
      secret: '`whsec_` and 24 to 64 bytes in base64; made by the server when absent',
      description: 'For people',
    },
    mutates: true,
  }),
  getWebhooks: method({
    params: {},
    required: [],
    result: z.array(webhookStructure),
    access: 'superuser',
    since: 'ours',
    summary: 'Lists the webhooks, without their secrets.',
  }),
  deleteWebhook: method({
    params: { webhookId },
    required: ['webhookId'],
    result: z.null(),
    access: 'superuser',
    errors: ['not_found'],
    since: 'ours',
    summary: 'Deletes a webhook with its deliveries; what waits is not sent any more.',
    paramDocs: { webhookId: 'Id or structure' },
    mutates: true,
  }),
  getWebhookDeliveries: method({
    params: {
      webhookId,
      limit: z.int().min(1).max(1000).nullish(),
      beforeId: z.int().min(1).nullish(),
    },
    required: ['webhookId'],
    result: z.object({
      webhookId: z.string(),
      deliveries: z.array(webhookDelivery),
      nextBeforeId: z.int().nullable(),
    }),
    access: 'superuser',
    errors: ['not_found'],
    since: 'ours',
    summary: 'Lists what was delivered, waits or has failed, latest first.',
    paramDocs: {
      webhookId: 'Id or structure',
      limit: 'Most deliveries to return; 100 when absent',
      beforeId: '`nextBeforeId` of the page before',
    },
  }),
  testWebhook: method({
    params: { webhookId },
    required: ['webhookId'],
    result: z.object({
      delivered: z.boolean(),
      httpStatus: z.int().nullable(),
      errorMessage: z.string(),
    }),
    access: 'superuser',
    errors: ['not_found'],
    since: 'ours',
    summary: 'Sends an event `test` at once, with one attempt, and tells how it went.',
    paramDocs: { webhookId: 'Id or structure' },
    mutates: true,
  }),
} as const;
