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
import type { FastifyInstance } from 'fastify';
import { SqliteSettingStore } from './adapters/database/settings.js';
import type { MetricSources } from './adapters/metrics/metrics.js';
import { openRemoteControl } from './adapters/remote-control/remote-control.js';
import type { BandwidthService } from './bandwidth/bandwidth-service.js';
import type { GarbageKind } from './collection/garbage-kind.js';
import { linkGarbage } from './collection/link-garbage.js';
import { partGarbage, receivedGarbage } from './collection/receive-garbage.js';
import { manifestGarbage, transferGarbage } from './collection/transfer-garbage.js';
import type { Handlers } from './control/handler.js';
import type { ReceiverFacts } from './control/server-handlers.js';
import type { ControlPlane } from './control-plane.js';
import type { IncomingStream } from './data/data-plane.js';
import { type PreparedDataPlane, prepareDataPlane } from './data/start-data-plane.js';
import { TrafficTotals } from './data/traffic-totals.js';
import { DestinationService } from './destinations/destination-service.js';
import { SqliteDestinationStore } from './destinations/sqlite-destination-store.js';
import { type DiscoveryMethod, discoveryHandlers } from './discovery/discovery-handlers.js';
import { DiscoveryService } from './discovery/discovery-service.js';
import { ChangeSignal } from './events/change-signal.js';
import type { EventLog } from './events/event-log.js';
import type { Foundation } from './foundation.js';
import type { ContentPlace } from './links/content/content-messages.js';
import { ContentReader } from './links/content/content-reader.js';
import { linkHandlers } from './links/link-handlers.js';
import { LinkService } from './links/link-service.js';
import type { StoredLink } from './links/link-store.js';
import { DownloadDesk } from './links/pages/download-desk.js';
import { LinkPages } from './links/pages/link-pages.js';
import { SqliteLinkStore } from './links/sqlite-link-store.js';
import { createIdSource } from './manifests/id-source.js';
import { ManifestService } from './manifests/manifest-service.js';
import { manifestUserData } from './manifests/manifest-user-data.js';
import { SqliteManifestStore } from './manifests/sqlite-manifest-store.js';
import { createScanner } from './manifests/thread-scanner.js';
import { planeEvents } from './plane-events.js';
import { AuthorizedClients } from './receive/authorized-clients.js';
import { PullService } from './receive/pull-service.js';
import { ReceiveService } from './receive/receive-service.js';
import { recvHandlers } from './receive/recv-handlers.js';
import { SqliteAuthorizedClientStore, SqliteReceiveStore } from './receive/sqlite-receive-store.js';
import { removeAbandonedDigests } from './storage/abandoned-digests.js';
import { AbandonedJournals } from './storage/abandoned-journals.js';
import { openThreadStorage } from './storage/thread-storage.js';
import { DataPlaneSupervisor, type StartPlane } from './transfers/data-plane-supervisor.js';
import { OpenTransfers } from './transfers/open-transfers.js';
import { sendHandlers } from './transfers/send-handlers.js';
import { SqliteTransferStore } from './transfers/sqlite-transfer-store.js';
import { TransferActions } from './transfers/transfer-actions.js';
import { TransferEngine } from './transfers/transfer-engine.js';
import { TransferService } from './transfers/transfer-service.js';
import { transferUserData } from './transfers/transfer-user-data.js';
import { WithdrawalStore } from './transfers/withdrawal-store.js';
import { UserDataService } from './user-data/user-data-service.js';

/** Methods that are answered on this side of the seam. */
export type DomainMethod =
  | Extract<keyof typeof METHODS, `send.${string}` | `recv.${string}`>
  | DiscoveryMethod;

export interface DomainContext {
  readonly foundation: Foundation;
  readonly control: Pick<
    ControlPlane,
    'links' | 'logins' | 'registry' | 'revocation' | 'tokens' | 'userFiles'
  >;
  readonly events: EventLog;
  readonly bandwidth: Pick<BandwidthService, 'attach'>;
  /** The first data plane where one has been prepared. */
  readonly dataPlane?: PreparedDataPlane;
}

export interface Domain {
  readonly handlers: Handlers<DomainMethod>;
  readonly receiver: ReceiverFacts;
  /** Adds the pages of download links to the control port. */
  readonly addPages: (server: FastifyInstance) => Promise<void>;
  /** Takes a connection for file data from the control port. */
  takeStream(stream: IncomingStream): void;
  /** Figures for monitoring. */
  readonly figures: Pick<MetricSources, 'traffic' | 'unfinishedTransfers'>;
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

const buildLinks = (
  context: DomainContext,
  manifests: ManifestService,
  manifestStore: SqliteManifestStore,
) => {
  const { clock, logger: log, db, commits, config } = context.foundation;
  const { events } = context;
  const linkStore = new SqliteLinkStore(db, commits);
  const content = new ContentReader(clock);
  const placeOf = async ({ manifestId, owner }: StoredLink): Promise<ContentPlace> => ({
    listPath: manifests.listPath(manifestId),
    allowedRoots: [...(await context.control.userFiles.of(owner)).roots.values()],
  });
  const links: LinkService = new LinkService({
    store: linkStore,
    manifests,
    events,
    clock,
    log,
    checkSources: async (link) => {
      await content.list(await placeOf(link), { offset: 0, limit: 0 });
    },
    sessions: context.control.revocation,
    disabled: config.apiDisableSharedTokens,
  });
  const pages = new LinkPages({
    gate: context.control.links,
    desk: new DownloadDesk({ store: linkStore, events, clock, log }),
    content,
    manifests: manifestStore,
    placeOf,
    clock,
    log,
  });
  return { links, content, pages };
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
    isPersistent: config.persistentDestinations,
    isInUse: (id) => engine.usesDestination(id),
    queuedCount: (id) => engine.queuedCount(id),
    onChanged: (id) => engine.destinationChanged(id),
  });
  const manifestStore = new SqliteManifestStore(db, commits);
  const manifests: ManifestService = new ManifestService({
    store: manifestStore,
    scanner: createScanner(),
    events,
    clock,
    log,
    nextId,
    listsDir: places.lists,
    isInUse: (id) => engine.usesManifest(id),
    isShared: (id) => sharing.links.refersTo(id),
    onEnded: (id) => open.manifestEnded(id),
  });
  const sharing: ReturnType<typeof buildLinks> = buildLinks(context, manifests, manifestStore);
  const engine: TransferEngine = new TransferEngine({
    store,
    events,
    clock,
    log,
    notifier: context.control.registry,
    destinations,
    listPath: (id) => manifests.listPath(id),
    ...{ random: Math.random, withdrawals: new WithdrawalStore(db, commits) },
    onSaved: (id) => changes.notify(id),
  });
  const open: OpenTransfers = new OpenTransfers({ engine, manifests: manifestStore, log });
  const shared = { engine, store, manifests, destinations, open };
  const transfers = new TransferService({ ...shared, clock, nextId, changes });
  const actions = new TransferActions({ engine, events, transfers, manifests, destinations });
  const userData = new UserDataService({
    keepers: {
      manifest: manifestUserData({ manifests, store: manifestStore }),
      destination: destinations.userData,
      transfer: transferUserData({ engine, transfers, store }),
      sharedToken: sharing.links.userData,
    },
    events,
  });
  const garbage = [
    transferGarbage({ store, engine }),
    linkGarbage(sharing.links),
    manifestGarbage({
      store: manifestStore,
      manifests,
      isReferred: async (id) =>
        (await store.sendsManifest(id)) || (await sharing.links.refersTo(id)),
    }),
  ];
  /** Forgets what is not to survive a restart. */
  const forget = (): Promise<void> =>
    config.persistentTransfers ? Promise.resolve() : store.clear();
  const services = { destinations, manifests, engine, open, transfers, actions, userData };
  return { ...services, ...sharing, garbage, forget };
};

const buildReceiving = (context: DomainContext, places: Places) => {
  const { clock, logger: log, db, commits, accounts, monitor, config } = context.foundation;
  const { events } = context;
  const store = new SqliteReceiveStore(db, commits);
  const clients: AuthorizedClients = new AuthorizedClients({
    store: new SqliteAuthorizedClientStore(db, commits),
    events,
    clock,
    settings: new SqliteSettingStore(db, commits),
    onOnly: () => receive.onlyAuthorized(),
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
      isOnlyAuthorized: () => clients.isOnly,
      allowTestTransfers: config.allowTestTransfers,
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

const realPlane = ({ foundation, dataPlane }: DomainContext, places: Places): StartPlane => {
  let prepared = dataPlane;
  return (port, events, died) => {
    const { config, identity, serverId, serverUid, logger } = foundation;
    const { privateKeyPem, certificatePem } = identity;
    const plane = prepared ?? prepareDataPlane();
    prepared = undefined;
    return plane.start(
      {
        address: bindAddress(config.recvHost),
        port,
        dataPath: config.dataPath,
        tcpFallback: config.tcpFallback,
        fixedLossMax: config.fixedLossMax / 100,
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
};

/** Has other servers send files here. */
const buildPulls = (
  { foundation, control, events }: DomainContext,
  parts: {
    readonly plane: DataPlaneSupervisor;
    readonly destinations: DestinationService;
    readonly openRemote: typeof openRemoteControl;
  },
): PullService => {
  const { plane, destinations, openRemote } = parts;
  return new PullService({
    tokens: control.tokens,
    events,
    clock: foundation.clock,
    openRemote,
    knownKey: (caller, address) => destinations.knownKey(caller, address),
    own: () => ({ port: plane.recvPort, publicKey: foundation.identity.publicKeyBase64 }),
  });
};

/** Builds the domain and starts its data plane; a test brings parts of its own. */
export const startDomain = async (
  context: DomainContext,
  startPlane?: StartPlane,
  openRemote = openRemoteControl,
): Promise<Domain> => {
  const { clock, logger: log, config, stateDir, serverId, serverName } = context.foundation;
  const places = makePlaces(stateDir);
  const sending = buildSending(context, places);
  const { destinations, manifests, engine, open, links, content, pages } = sending;
  const receiving = buildReceiving(context, places);
  const { receive, clients } = receiving;
  const discovery = new DiscoveryService({ clock, randomBytes });
  const traffic = new TrafficTotals();
  await sending.forget();
  // Everything that events refer to is there before the first of them can come in.
  await manifests.start();
  await destinations.start();
  await clients.start();
  await receive.load();
  const plane = new DataPlaneSupervisor({
    port: config.recvPort,
    start: startPlane ?? realPlane(context, places),
    events: planeEvents({ engine, receive, discovery, traffic }),
    clock,
    log,
  });
  const pulls = buildPulls(context, { plane, destinations, openRemote });
  context.bandwidth.attach((limits) => plane.setBandwidthLimits(limits));
  await plane.start();
  const { recvPort, path, pathReason } = plane;
  const facts = { serverId, serverName, version: BUILD_VERSION, recvPort };
  try {
    await context.events.append('serverStarted', facts);
    receive.start(plane);
    discovery.start(plane);
    await engine.start(plane);
    await open.start();
    await removeAbandonedDigests(places.receipts, (id) => engine.find(id) !== null);
  } catch (error) {
    await plane.stop({ drainMs: 0 });
    throw error;
  }
  links.start();
  const send = sendHandlers(sending);
  return {
    handlers: {
      ...send,
      ...linkHandlers(links, send),
      ...recvHandlers({ ...receiving, pulls }),
      ...discoveryHandlers(discovery, context.events),
    },
    get receiver() {
      return { port: recvPort, path, pathReason, onlyAuthorizedClientsAllowed: clients.isOnly };
    },
    addPages: (server) => pages.addTo(server),
    takeStream: (stream) => plane.takeStream(stream),
    figures: { traffic: () => traffic, unfinishedTransfers: () => engine.unfinishedByState() },
    garbage: [...sending.garbage, ...receiving.garbage],
    stop: async (options) => {
      engine.beginStop();
      receive.stop();
      links.stop();
      await content.stop();
      await manifests.stop();
      await plane.stop(options);
      await engine.stop();
      await context.events.append('serverStopped', { serverId });
    },
  };
};
