/** Those who act upon the event log: triggers and webhooks. */
import { join } from 'node:path';
import { SqliteSettingStore } from './adapters/database/settings.js';
import type { Handlers } from './control/handler.js';
import { lastSeqOf } from './events/event-query.js';
import type { SqliteEventLog } from './events/sqlite-event-log.js';
import type { Foundation } from './foundation.js';
import { senderAddress } from './triggers/sender-address.js';
import { TriggerCursor } from './triggers/trigger-cursor.js';
import { TriggerService } from './triggers/trigger-service.js';
import { WebhookCourier } from './webhooks/webhook-courier.js';
import { type WebhookMethod, webhookHandlers } from './webhooks/webhook-handlers.js';
import { WebhookStore } from './webhooks/webhook-store.js';

export interface EventFollowers {
  readonly handlers: Handlers<WebhookMethod>;
  /** The server is up and listens. */
  start(ports: { readonly apiPort: number; readonly recvPort: number }): Promise<void>;
  stop(): Promise<void>;
}

const triggerDirOf = ({ config, stateDir }: Foundation): string => {
  if (config.triggerDir !== null) return config.triggerDir;
  return process.geteuid?.() === 0 ? '/var/lib/jetstream/triggers' : join(stateDir, 'triggers');
};

/** Builds them; they act upon what is logged from here on, once they are started. */
export const buildEventFollowers = async (
  foundation: Foundation,
  events: SqliteEventLog,
): Promise<EventFollowers> => {
  const { db, commits, clock, logger, config } = foundation;
  const { webhookAllowPrivate: allowPrivate } = config;
  const settled = async (): Promise<void> => {
    // Whoever has appended the event writes what it tells of in the same turn, or in the next one.
    await new Promise<void>((resolve) => setImmediate(resolve));
    await commits.write(() => Promise.resolve());
  };
  const settings = new SqliteSettingStore(db, commits);
  let recvPort = 0;
  const triggers = new TriggerService({
    directory: triggerDirOf(foundation),
    timeLimitSeconds: config.triggerTimeLimit,
    logsDetail: config.triggerLog,
    events,
    afterSeq: (await TriggerCursor.load(settings)) ?? (await lastSeqOf(db)),
    settings,
    settled,
    senderOf: (endpoint) => senderAddress(endpoint, recvPort),
    // One account owns everything while the server runs as an ordinary user.
    accountOf: () => null,
    clock,
    logger,
  });
  const store = new WebhookStore(db, commits);
  const courier = new WebhookCourier({ store, events, settled, allowPrivate, clock, logger });
  events.onAppended(() => {
    triggers.wake();
    courier.wake();
  });
  return {
    handlers: webhookHandlers({ store, courier, events, clock, allowPrivate }),
    start: async (ports) => {
      ({ recvPort } = ports);
      await courier.start();
      triggers.start(ports.apiPort);
    },
    stop: async () => {
      await Promise.all([triggers.stop(), courier.stop()]);
    },
  };
};
