/** Those who act upon the event log: triggers and webhooks. */
import { join } from 'node:path';
import { SqliteSettingStore } from './adapters/database/settings.js';
import type { MonitorClient } from './adapters/monitor/monitor-client.js';
import type { Handlers } from './control/handler.js';
import { lastSeqOf } from './events/event-query.js';
import type { SqliteEventLog } from './events/sqlite-event-log.js';
import type { Foundation } from './foundation.js';
import { type RunTrigger, runTrigger } from './triggers/run-trigger.js';
import { senderAddress } from './triggers/sender-address.js';
import { TriggerCursor } from './triggers/trigger-cursor.js';
import { DEFAULT_TRIGGER_DIR } from './triggers/trigger-limits.js';
import { TriggerService } from './triggers/trigger-service.js';
import { WebhookCourier } from './webhooks/webhook-courier.js';
import { type WebhookMethod, webhookHandlers } from './webhooks/webhook-handlers.js';
import { WebhookStore } from './webhooks/webhook-store.js';

interface StartFacts {
  readonly apiPort: number;
  readonly recvPort: number;
  /** Account of the operating system that acts for a user; null for none. */
  accountOf(userName: string): Promise<string | null>;
}

export interface EventFollowers {
  readonly handlers: Handlers<WebhookMethod>;
  /** The server is up and listens. */
  start(facts: StartFacts): Promise<void>;
  stop(): Promise<void>;
}

const triggerDirOf = ({ config, stateDir, monitor }: Foundation): string => {
  if (config.triggerDir !== null) return config.triggerDir;
  const isSystem = monitor !== null || process.geteuid?.() === 0;
  return isSystem ? DEFAULT_TRIGGER_DIR : join(stateDir, 'triggers');
};

/** Runs triggers as the accounts of their owners; those that nobody owns, as that of the server. */
const runAsOwner =
  (monitor: MonitorClient, accountOf: StartFacts['accountOf']): RunTrigger =>
  async (options) => {
    const { owner } = options.call;
    if (owner === null) return runTrigger(options);
    const account = await accountOf(owner);
    if (account !== null) return monitor.runTrigger(account, options);
    const reason = 'it is not run: its owner works as no account of the operating system';
    return { exitCode: null, signal: null, reason, output: '' };
  };

/** Builds them; they act upon what is logged from here on, once they are started. */
export const buildEventFollowers = async (
  foundation: Foundation,
  events: SqliteEventLog,
): Promise<EventFollowers> => {
  const { db, commits, clock, logger, config, monitor } = foundation;
  const { webhookAllowPrivate: allowPrivate } = config;
  const settled = async (): Promise<void> => {
    // Whoever has appended the event writes what it tells of in the same turn, or in the next one.
    await new Promise<void>((resolve) => setImmediate(resolve));
    await commits.write(() => Promise.resolve());
  };
  const settings = new SqliteSettingStore(db, commits);
  let recvPort = 0;
  let run = runTrigger;
  const triggers = new TriggerService({
    directory: triggerDirOf(foundation),
    isNamed: config.triggerDir !== null,
    timeLimitSeconds: config.triggerTimeLimit,
    logsDetail: config.triggerLog,
    events,
    afterSeq: (await TriggerCursor.load(settings)) ?? (await lastSeqOf(db)),
    settings,
    settled,
    senderOf: (endpoint) => senderAddress(endpoint, recvPort),
    run: (options) => run(options),
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
    start: async (facts) => {
      ({ recvPort } = facts);
      if (monitor !== null) run = runAsOwner(monitor, (userName) => facts.accountOf(userName));
      await courier.start();
      triggers.start(facts.apiPort);
    },
    stop: async () => {
      await Promise.all([triggers.stop(), courier.stop()]);
    },
  };
};
