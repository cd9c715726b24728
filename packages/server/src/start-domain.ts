/**
 * The seam between the control plane and everything that moves files: manifests, destinations,
 * transfers, receiving, and the data plane below them. It is built here, after the services of the
 * control plane and before the port opens, and stopped in reverse.
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import {
  BUILD_VERSION,
  type METHODS,
  MIN_CIPHER_ENCRYPTED_128,
  MIN_CIPHER_NONE,
} from '@jetstream/contract';
import type { BandwidthService } from './bandwidth/bandwidth-service.js';
import type { GarbageKind } from './collection/garbage-kind.js';
import { partGarbage, receivedGarbage } from './collection/receive-garbage.js';
import { manifestGarbage, transferGarbage } from './collection/transfer-garbage.js';
import type { Handlers } from './control/handler.js';
import type { ReceiverFacts } from './control/server-handlers.js';
import type { ControlPlane } from './control-plane.js';
import { startDataPlane } from './data/start-data-plane.js';
import { DestinationService } from './destinations/destination-service.js';
import { SqliteDestinationStore } from './destinations/sqlite-destination-store.js';
import { type DiscoveryMethod, discoveryHandlers } from './discovery/discovery-handlers.js';
import { DiscoveryService } from './discovery/discovery-service.js';
import { ChangeSignal } from './events/change-signal.js';
import type { EventLog } from './events/event-log.js';
import type { Foundation } from './foundation.js';
import { createIdSource } from './manifests/id-source.js';
import { ManifestService } from './manifests/manifest-service.js';
import { SqliteManifestStore } from './manifests/sqlite-manifest-store.js';
import { createScanner } from './manifests/thread-scanner.js';
import { AuthorizedClients } from './receive/authorized-clients.js';
import { ReceiveService } from './receive/receive-service.js';
import { recvHandlers } from './receive/recv-handlers.js';
import { SqliteAuthorizedClientStore, SqliteReceiveStore } from './receive/sqlite-receive-store.js';
import { AbandonedJournals } from './storage/abandoned-journals.js';
import { openThreadStorage } from './storage/thread-storage.js';
import { DataPlaneSupervisor, type StartPlane } from './transfers/data-plane-supervisor.js';
import { sendHandlers } from './transfers/send-handlers.js';
import { SqliteTransferStore } from './transfers/sqlite-transfer-store.js';
import { TransferEngine } from './transfers/transfer-engine.js';
import { TransferService } from './transfers/transfer-service.js';

/** Methods that are answered on this side of the seam. */
export type DomainMethod =
  | Extract<keyof typeof METHODS, `send.${string}` | `recv.${string}`>
  | DiscoveryMethod;

export interface DomainContext {
  readonly foundation: Foundation;
  readonly control: Pick<ControlPlane, 'logins' | 'registry' | 'userFiles'>;
  readonly events: EventLog;
  readonly bandwidth: Pick<BandwidthService, 'attach'>;
}

export interface Domain {
  readonly handlers: Handlers<DomainMethod>;
  readonly receiver: ReceiverFacts;
  /** What can be collected here. */
  readonly garbage: readonly GarbageKind[];
  /** Lets running work reach a safe point for up to `drainMs`, then stops. */
  stop(options: { drainMs: number }): Promise<void>;
}

/** Directories of the domain below the state directory. */
interface Places {
  /** File lists of manifests. */
  readonly lists: string;
  /** Journals of what is being received. */
  readonly journals: string;
  readonly receipts: string;
}

const makePlaces = (stateDir: string): Places => {
  const places = {
    lists: join(stateDir, 'manifests'),
    journals: join(stateDir, 'incoming'),
    receipts: join(stateDir, 'receipts'),
  };
  for (const place of Object.values(places)) mkdirSync(place, { recursive: true, mode: 0o700 });
  return places;
};

const buildSending = (context: DomainContext, places: Places) => {
  const { clock, logger: log, db, commits, config } = context.foundation;
  const { events } = context;
  const nextId = createIdSource({ nowMs: () => clock.nowUs() / 1000, randomBytes });
  const store = new SqliteTransferStore(db, commits);
  const changes = new ChangeSignal(clock);
  const destinations = new DestinationService({
    store: new SqliteDestinationStore(db, commits),
    events,
    clock,
    log,
    allowNoCipher: config.allowNoCipher,
    isInUse: (id) => engine.usesDestination(id),
    queuedCount: (id) => engine.queuedCount(id),
  });
  const manifestStore = new SqliteManifestStore(db, commits);
  const manifests = new ManifestService({
    store: manifestStore,
    scanner: createScanner(),
    events,
    clock,
    log,
    nextId,
    listsDir: places.lists,
    isInUse: (id) => engine.usesManifest(id),
  });
  const engine: TransferEngine = new TransferEngine({
    store,
    events,
    clock,
    log,
    notifier: context.control.registry,
    destinations,
    listPath: (id) => manifests.listPath(id),
    random: Math.random,
    onSaved: (id) => changes.notify(id),
  });
  const transfers = new TransferService({
    engine,
    store,
    manifests,
    destinations,
    events,
    clock,
    nextId,
    changes,
  });
  const garbage = [
    transferGarbage({ store, engine, events }),
    manifestGarbage({
      store: manifestStore,
      manifests,
      isReferred: (id) => store.sendsManifest(id),
    }),
  ];
  return { destinations, manifests, engine, transfers, garbage };
};

const buildReceiving = (context: DomainContext, places: Places) => {
  const { clock, logger: log, db, commits, accounts, monitor } = context.foundation;
  const { events } = context;
  const store = new SqliteReceiveStore(db, commits);
  const clients: AuthorizedClients = new AuthorizedClients({
    store: new SqliteAuthorizedClientStore(db, commits),
    events,
    clock,
    onRemoved: (publicKey) => receive.keyRemoved(publicKey),
  });
  const receive = new ReceiveService({
    store,
    events,
    clock,
    log,
    rights: {
      tokens: context.control.logins,
      owner: async (publicKey) => {
        const adder = monitor === null ? null : clients.addedBy(publicKey);
        const userName = adder ?? accounts.processOwner;
        return { userName, roots: (await context.control.userFiles.of(userName)).roots };
      },
      isAuthorized: (publicKey) => clients.has(publicKey),
    },
  });
  const journals = new AbandonedJournals({
    journalDir: places.journals,
    openStorage: openThreadStorage,
  });
  const garbage = [
    receivedGarbage({ store, receive, events }),
    partGarbage({ store, receive, journals, log }),
  ];
  return { store, clients, receive, garbage };
};

/** All interfaces for IPv6 and, on Linux, IPv4 as well; where there is no IPv6, those of IPv4. */
const bindAddress = (recvHost: string): string => {
  const hasIpv6 = Object.values(networkInterfaces()).some((addresses) =>
    addresses?.some(({ family }) => family === 'IPv6'),
  );
  return recvHost === '::' && !hasIpv6 ? '0.0.0.0' : recvHost;
};

const realPlane =
  ({ foundation }: DomainContext, places: Places): StartPlane =>
  (port, events, died) => {
    const { config, identity, serverId, serverUid, logger } = foundation;
    const { privateKeyPem, certificatePem } = identity;
    return startDataPlane(
      {
        address: bindAddress(config.recvHost),
        port,
        dataPath: config.dataPath,
        identity: { privateKeyPem, certificatePem },
        serverId,
        serverUid,
        minCipher: config.allowNoCipher ? MIN_CIPHER_NONE : MIN_CIPHER_ENCRYPTED_128,
        journalDir: places.journals,
        receiptDir: places.receipts,
        log: (level, message) => logger[level]({ part: 'data plane' }, message),
        died,
      },
      events,
    );
  };

/** Builds the domain and starts its data plane; a test brings one of its own. */
export const startDomain = async (
  context: DomainContext,
  startPlane?: StartPlane,
): Promise<Domain> => {
  const { clock, logger: log, config, stateDir, serverId, serverName } = context.foundation;
  const places = makePlaces(stateDir);
  const sending = buildSending(context, places);
  const { destinations, manifests, engine, transfers } = sending;
  const receiving = buildReceiving(context, places);
  const { receive, clients } = receiving;
  const discovery = new DiscoveryService({ clock, randomBytes });
  // Everything that events refer to is there before the first of them can come in.
  await manifests.start();
  await destinations.start();
  await clients.start();
  await receive.load();
  const plane = new DataPlaneSupervisor({
    port: config.recvPort,
    start: startPlane ?? realPlane(context, places),
    events: {
      sendStarted: (id, peer) => engine.sendStarted(id, peer),
      sendProgress: (id, progress) => engine.sendProgress(id, progress),
      sendEnded: (id, outcome) => engine.sendEnded(id, outcome),
      receiveOffered: (offer) => receive.receiveOffered(offer),
      receiveProgress: (id, progress) => receive.receiveProgress(id, progress),
      receiveEnded: (id, outcome) => receive.receiveEnded(id, outcome),
      discovered: (id, from) => discovery.discovered(id, from),
      peerChanged: (peer, state) => receive.peerChanged(peer, state),
    },
    clock,
    log,
  });
  context.bandwidth.attach((limits) => plane.setBandwidthLimits(limits));
  await plane.start();
  const { recvPort, path, pathReason } = plane;
  const facts = { serverId, serverName, version: BUILD_VERSION, recvPort };
  try {
    await context.events.append('serverStarted', facts);
    receive.start(plane);
    discovery.start(plane);
    await engine.start(plane);
  } catch (error) {
    await plane.stop({ drainMs: 0 });
    throw error;
  }
  return {
    handlers: {
      ...sendHandlers({ manifests, destinations, transfers }),
      ...recvHandlers(receiving),
      ...discoveryHandlers(discovery, context.events),
    },
    receiver: { port: recvPort, path, pathReason },
    garbage: [...sending.garbage, ...receiving.garbage],
    stop: async (options) => {
      engine.beginStop();
      receive.stop();
      await manifests.stop();
      await plane.stop(options);
      await engine.stop();
      await context.events.append('serverStopped', { serverId });
    },
  };
};
