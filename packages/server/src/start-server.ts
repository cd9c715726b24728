/**
 * The composition root: builds the parts in order, starts them, and stops them in reverse.
 */
import { networkInterfaces } from 'node:os';
import { BUILD_VERSION, type MethodName } from '@jetstream/contract';
import { type Clock, systemClock } from './adapters/clock/clock.js';
import { SqliteSettingStore } from './adapters/database/settings.js';
import { openMetrics } from './adapters/metrics/metrics.js';
import { certificateDaysLeft } from './adapters/tls/identity.js';
import { collectionHandlers } from './collection/collection-handlers.js';
import { requestGarbage, tokenGarbage } from './collection/control-garbage.js';
import { GarbageCollector } from './collection/garbage-collector.js';
import type { ServerConfig, ServerOptionsInput } from './config/server-options.js';
import { ControlServer } from './control/control-server.js';
import { Dispatcher } from './control/dispatcher.js';
import type { Handlers } from './control/handler.js';
import { type ServerFacts, serverHandlers } from './control/server-handlers.js';
import { buildControlPlane, type ControlPlane } from './control-plane.js';
import type { PreparedDataPlane } from './data/start-data-plane.js';
import { buildEventFollowers, type EventFollowers } from './event-followers.js';
import { EventFeed } from './events/event-feed.js';
import { eventHandlers } from './events/event-handlers.js';
import type { EventLog } from './events/event-log.js';
import { SqliteEventLog } from './events/sqlite-event-log.js';
import { subscriptionHandlers } from './events/subscription-handlers.js';
import { fileHandlers } from './files/file-handlers.js';
import { type FileOperations, openFileOperations } from './files/file-operations.js';
import { type Foundation, openFoundation } from './foundation.js';
import { SqliteIdempotencyStore } from './idempotency/idempotency-store.js';
import { IdempotentCalls } from './idempotency/idempotent-calls.js';
import { requestHandlers } from './requests/request-handlers.js';
import { sandboxHandlers } from './sandboxes/sandbox-handlers.js';
import { openServerSettings, type ServerSettings } from './server-info/server-settings.js';
import { settingsHandlers } from './server-info/settings-handlers.js';
import { sessionHandlers } from './sessions/session-handlers.js';
import { type Domain, type DomainMethod, startDomain } from './start-domain.js';
import { tokenHandlers } from './tokens/token-handlers.js';
import { wranglerHandlers } from './wranglers/wrangler-handlers.js';

/** What a server says when it is ready; `jetstream server` prints it as one line of JSON. */
export interface ReadyLine {
  readonly event: 'ready';
  readonly apiPort: number;
  readonly recvPort: number;
  readonly pid: number;
  readonly serverName: string;
  readonly dataPath: string;
  readonly stateDir: string;
}

export interface RunningServer {
  readonly ready: ReadyLine;
  /**
   * Takes no new work, lets running work reach a safe point for up to `drainMs`, then closes
   * everything. Further calls wait for the first.
   */
  stop(options: { readonly drainMs: number }): Promise<void>;
  /** Resolves when the server has stopped, with the reason. */
  readonly closed: Promise<string>;
}

/** What `terminate()` allows for draining. */
const TERMINATE_DRAIN_MS = 30_000;
/** All interfaces for IPv6 and, on Linux, IPv4 as well. */
const ANY_HOST = '::';

const hasIpv6 = (): boolean =>
  Object.values(networkInterfaces()).some((addresses) =>
    addresses?.some(({ family }) => family === 'IPv6'),
  );

/** Where the control API listens. */
const listenHost = (config: ServerConfig): string => {
  const isLoopback = config.apiHost === '::1' || config.apiHost.startsWith('127.');
  if (!config.apiAllowRemoteControl && !isLoopback) return '127.0.0.1';
  return config.apiHost === ANY_HOST && !hasIpv6() ? '0.0.0.0' : config.apiHost;
};

/** What a caller may bring along. */
export interface ServerPorts {
  readonly clock: Clock;
  readonly startDomain: typeof startDomain;
  /** Started as the first data plane; whoever prepared it discards it on failure. */
  readonly dataPlane?: PreparedDataPlane;
}

interface Parts {
  readonly foundation: Foundation;
  readonly events: EventLog;
  readonly feed: EventFeed;
  readonly settings: ServerSettings;
  readonly control: ControlPlane;
  readonly files: FileOperations;
  readonly domain: Domain;
  readonly collector: GarbageCollector;
  readonly followers: EventFollowers;
}

/** Ports are known only when they are open, after the handlers were made. */
interface Ports {
  apiPort: number;
}

const factsOf = (parts: Parts, ports: Ports): ServerFacts => {
  const { config, clock, identity, apiTls, hostName, serverName, serverId, serverUid } =
    parts.foundation;
  return {
    config,
    hostName,
    serverName,
    serverId,
    serverUid,
    publicKeyBase64: identity.publicKeyBase64,
    certificateDays: () => certificateDaysLeft(apiTls.certificatePem, clock.nowUs() / 1000),
    apiPort: () => ports.apiPort,
    receiver: () => parts.domain.receiver,
    settings: parts.settings,
    garbageCollect: () => parts.collector.settings,
  };
};

type ControlMethod = Exclude<MethodName, DomainMethod>;

const controlHandlers = (
  parts: Parts,
  facts: ServerFacts,
  terminate: () => void,
): Handlers<ControlMethod> => ({
  ...serverHandlers({ facts, clock: parts.foundation.clock, events: parts.events, terminate }),
  ...settingsHandlers(parts.settings),
  ...sessionHandlers(parts.control.logins, parts.control.elevation),
  ...wranglerHandlers(parts.control.wranglers),
  ...sandboxHandlers(parts.control.sandboxes),
  ...tokenHandlers(parts.control.tokens),
  ...requestHandlers(parts.control.requests),
  ...eventHandlers(parts.foundation.db),
  ...subscriptionHandlers(parts.feed),
  ...collectionHandlers(parts.collector),
  ...fileHandlers(parts.files, parts.events),
  ...parts.followers.handlers,
});

const openControlServer = (parts: Parts, dispatcher: Dispatcher): ControlServer => {
  const { config, clock, logger, apiTls, browserTls, hostName, serverName } = parts.foundation;
  const names = new Set([hostName, serverName].map((name) => name.toLowerCase()));
  const { externalAddress } = parts.settings;
  return new ControlServer({
    host: listenHost(config),
    port: config.apiPort,
    tls: browserTls === null ? [apiTls] : [apiTls, browserTls],
    isOwnName: (name) => names.has(name) || name === externalAddress.host,
    dispatcher,
    registry: parts.control.registry,
    httpLogin: parts.control.headerLogin,
    addPages: parts.domain.addPages,
    takeStream: config.tcpFallback ? (stream) => parts.domain.takeStream(stream) : null,
    metrics: openMetrics({
      version: BUILD_VERSION,
      sessions: () => parts.control.registry.count,
      runningRequests: () => parts.control.requests.runningCount,
      ...parts.domain.figures,
    }),
    metricsToken: parts.foundation.metricsToken,
    clock,
    logger,
    lifetimes: {
      idleMs: config.sessionIdleLimit * 1000,
      totalMs: config.sessionTimeLimit * 1000,
    },
  });
};

/** Sorts by what refers to what: the domain tells its kinds in its own order. */
const buildCollector = (
  { clock, logger, db, commits }: Foundation,
  parts: Pick<Parts, 'control' | 'domain' | 'events'>,
): GarbageCollector =>
  new GarbageCollector({
    kinds: [
      ...parts.domain.garbage,
      requestGarbage(parts.control.requests),
      tokenGarbage(parts.control.tokens),
    ],
    store: new SqliteSettingStore(db, commits),
    events: parts.events,
    clock,
    logger,
  });

const buildParts = async (foundation: Foundation, ports: ServerPorts): Promise<Parts> => {
  const { db, commits, clock, logger, stateDir } = foundation;
  const events = new SqliteEventLog({ db, commits, clock });
  const feed = new EventFeed({ db, clock, logger });
  events.onAppended(() => feed.wake());
  const followers = await buildEventFollowers(foundation, events);
  const files = openFileOperations({ stateDir });
  const control = buildControlPlane({ foundation, events, files });
  try {
    await control.start();
    const settings = await openServerSettings(foundation, events);
    const { bandwidth } = settings;
    const { dataPlane } = ports;
    const domain = await ports.startDomain({
      ...{ foundation, control, events, bandwidth },
      ...(dataPlane === undefined ? {} : { dataPlane }),
    });
    const collector = buildCollector(foundation, { control, domain, events });
    await collector.start();
    feed.start();
    return { foundation, events, feed, settings, control, files, domain, collector, followers };
  } catch (error) {
    await control.stop({ drainMs: 0 });
    await files.stop();
    throw error;
  }
};

const stopParts = async (parts: Parts, options: { drainMs: number }): Promise<void> => {
  await parts.followers.stop();
  await parts.collector.stop();
  await Promise.all([parts.domain.stop(options), parts.control.stop(options)]);
  parts.feed.stop();
  parts.settings.timetable.stop();
  await parts.files.stop();
  await parts.foundation.close();
};

const listen = async (server: ControlServer, config: ServerConfig): Promise<number> => {
  try {
    return await server.start();
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? 'unknown error';
    throw new Error(
      `Cannot listen on TCP port ${config.apiPort} of "${listenHost(config)}": ${code}, expected a free port (--api-port) and an address of this machine (--api-host)`,
      { cause },
    );
  }
};

/** Without its monitor a server reaches no files any more. */
const stopWithMonitor = ({ monitor }: Foundation, stop: () => Promise<void>): void => {
  void monitor?.lost.then(stop);
};

/** Everything above the foundation; the foundation is closed by whoever opened it on failure. */
const startOn = async (foundation: Foundation, given: ServerPorts): Promise<RunningServer> => {
  const parts = await buildParts(foundation, given);
  const { config, clock, logger, stateDir, serverName, apiTls } = foundation;
  const ports: Ports = { apiPort: config.apiPort };
  let markClosed: (reason: string) => void = () => {};
  const closed = new Promise<string>((resolve) => {
    markClosed = resolve;
  });
  const terminate = (): void => {
    setImmediate(() => void stop({ drainMs: TERMINATE_DRAIN_MS }, 'terminated by an API call'));
  };
  const dispatcher = new Dispatcher({
    handlers: {
      ...parts.domain.handlers,
      ...controlHandlers(parts, factsOf(parts, ports), terminate),
    },
    requests: parts.control.requests,
    idempotentCalls: new IdempotentCalls({
      store: new SqliteIdempotencyStore(foundation.commits),
      clock,
    }),
    logger,
  });
  const server = openControlServer(parts, dispatcher);
  let stopping: Promise<void> | null = null;
  const stop = (options: { drainMs: number }, reason = 'stopped'): Promise<void> => {
    stopping ??= (async () => {
      logger.info({ reason }, 'the server is stopping');
      dispatcher.drain();
      server.drain();
      await parts.followers.stop();
      await parts.collector.stop();
      // Work ends first, so that clients that wait for it still get their answers.
      await Promise.all([parts.domain.stop(options), parts.control.stop(options)]);
      await server.stop();
      parts.feed.stop();
      parts.settings.timetable.stop();
      await parts.files.stop();
      await foundation.close();
      markClosed(reason);
    })();
    return stopping;
  };
  stopWithMonitor(foundation, () => stop({ drainMs: 0 }, 'the monitor has ended'));
  try {
    ports.apiPort = await listen(server, config);
    const { port: recvPort } = parts.domain.receiver;
    const accountOf = (userName: string) => parts.control.userFiles.accountOf(userName);
    await parts.followers.start({ apiPort: ports.apiPort, recvPort, accountOf });
  } catch (error) {
    await server.stop().catch(() => {});
    await stopParts(parts, { drainMs: 0 });
    throw error;
  }
  parts.control.localKey.publish({
    apiPort: ports.apiPort,
    certificatePem: apiTls.certificatePem,
  });
  const { receiver } = parts.domain;
  const ready: ReadyLine = {
    event: 'ready',
    apiPort: ports.apiPort,
    recvPort: receiver.port,
    pid: process.pid,
    serverName,
    dataPath: receiver.path,
    stateDir,
  };
  logger.info({ ...ready, startedUs: clock.nowUs() }, 'the server is ready');
  return { ready, stop: (options) => stop(options), closed };
};

/**
 * Starts a server in this process.
 *
 * @throws {ConfigError} If an option cannot be used.
 * @throws {Error} If the state directory or a port cannot be used.
 */
export const startServer = async (
  options: ServerOptionsInput = {},
  given: Partial<ServerPorts> = {},
): Promise<RunningServer> => {
  const ports = { clock: systemClock, startDomain, ...given };
  const foundation = await openFoundation(options, ports.clock);
  try {
    return await startOn(foundation, ports);
  } catch (error) {
    await foundation.close();
    throw error;
  }
};
